import assert from 'node:assert/strict'
import { LAYOUT, migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { createClient, schemaName } from '../../../lib/repo/postgres/pool.ts'
import { openPostgresRepository } from '../../../lib/repo/postgres/repository.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { KEYS, silent } from '../../repo/repositories.ts'
import { postgresRepository, tempSchema } from './server.ts'

describe('tables of a newer release', () => {
  /** Tables as the next release leaves them. @param serves the oldest version whose releases can use them */
  const upgraded = async () => {
    const place = await tempSchema()
    const one = await postgresRepository(place)
    const admin = createClient(place)
    await admin.connect()
    onCleanUp(() => admin.end())
    const upgrade = async (serves: number | null) => {
      await admin.query(`alter table ${schemaName(place.schema)}.run add column if not exists added text`)
      await admin.query('delete from schema_version where version > $1', [LAYOUT])
      await admin.query('insert into schema_version (version, serves) values ($1, $2)', [LAYOUT + 1, serves])
    }
    const open = async () => {
      const repository = await openPostgresRepository({ ...place, log: silent, keys: KEYS })
      onCleanUp(() => repository.close())
      return repository
    }
    return { place, one, upgrade, open }
  }

  it('are used while gateways are replaced one by one, where they serve this release', async () => {
    const { one, upgrade, open } = await upgraded()
    await upgrade(LAYOUT)
    const run = { mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }
    await one.runs().insert({ ...run, id: 'by one that went on' })
    const again = await open()
    await again.runs().insert({ ...run, id: 'by one that started' })
    assert.deepEqual(
      (await one.runs().all()).map(({ id }) => id),
      ['by one that went on', 'by one that started'],
    )
  })

  it('are refused otherwise, and migrated by no older release', async () => {
    const { place, upgrade, open } = await upgraded()
    const refused = new RegExp(
      `its tables have version ${LAYOUT + 1}, made by a newer release; this one supports up to ${LAYOUT}$`,
    )
    for (const serves of [null, LAYOUT + 1]) {
      await upgrade(serves)
      await assert.rejects(open(), refused)
    }
    await upgrade(LAYOUT)
    await assert.rejects(migratePostgres(place), refused)
  })
})
