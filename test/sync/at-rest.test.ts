import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { tempDir } from '../helpers/files.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { until } from '../helpers/until.ts'
import { instanceOf, startRemoteIdm } from './gateways.ts'

const CANARY = 'canary-4f0c'
const USERS = 60

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/eu/managed/user',
  target: 'external/idm/us/managed/user',
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
  ],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}

/** The names of the files below the directories that hold the text, and all names. */
function search(text: string, ...directories: readonly string[]) {
  const files = directories.flatMap((dir) => readdirSync(dir, { withFileTypes: true, recursive: true }))
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return { paths, found: paths.filter((path) => readFileSync(path).includes(text)) }
}

describe('what a reconciliation leaves on the disk', function () {
  this.timeout(120_000)

  async function start() {
    const [eu, us] = [await startRemoteIdm(), await startRemoteIdm()]
    for (let index = 0; index < USERS; index++)
      await eu.connection.create('managed/user', `u${index}`, { userName: `u${index}`, mail: `${CANARY}${index}@x` })
    const scratch = await tempDir()
    const conf = { 'external.idm-eu.json': instanceOf(eu), 'external.idm-us.json': instanceOf(us) }
    const env = { TMPDIR: scratch, SQLITE_TMPDIR: scratch }
    const gateway = await startGatewayProcess({ ...conf, 'sync.json': { mappings: [MAPPING] } }, { env })
    return { us, gateway, scratch, db: join(gateway.project, 'db') }
  }
  const run = (more: string) => `recon?_action=recon&mapping=m&persistAssociations=true${more}`

  it('has no personal data in clear while a plan waits', async () => {
    const { gateway, db, scratch } = await start()
    const { json } = await gateway.call(run('&analyze=true&waitForCompletion=true'), { method: 'POST' })
    const { _id } = json as JsonObject
    const entries = await gateway.call(`recon/plan/${String(_id)}/entry?_queryFilter=true`)
    assert.ok(entries.text.includes(CANARY), 'the plan shows the values')
    const { paths, found } = search(CANARY, db, scratch)
    assert.ok(paths.some((path) => path.endsWith('openidm.db-wal')))
    assert.deepEqual(found, [])
    await gateway.process.kill('SIGKILL')
    assert.deepEqual(search(CANARY, db, scratch).found, [])
  })

  it('has none when the gateway is killed in the middle', async () => {
    const { gateway, us, db, scratch } = await start()
    await gateway.call(run(''), { method: 'POST' })
    await until(() => us.requests.length > 5, 'the first objects')
    await gateway.process.kill('SIGKILL')
    assert.deepEqual(search(CANARY, db, scratch).found, [])
  })
})
