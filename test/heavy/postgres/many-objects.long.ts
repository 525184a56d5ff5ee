/** A few objects, or as many as MANY_OBJECTS says: `MANY_OBJECTS=1000000 npm run test:long -- FILE`. */

import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { describeManyObjects } from '../../repo/contract/many-objects.ts'
import { postgresRepository, tempSchema } from './server.ts'

const COUNT = Number(process.env.MANY_OBJECTS ?? 6000)

/** `manyUser` in SQL, with a description. */
const FILL = `insert into object (type, id, revision, content)
  select 'managed/user', 'id-' || one, '0', json_build_object('userName', 'user' || one, 'sn', 'Name' || one * 7919 % 500,
    'rank', one % 1000, 'description', repeat('x', 500))::text
  from generate_series(0::bigint, ${COUNT - 1}) as made (one)`

describe(`${COUNT} objects on PostgreSQL`, function () {
  this.timeout(3_600_000)
  ownedBySuite()
  let store: ObjectStore
  before(async () => {
    const place = await tempSchema()
    await migratePostgres(place)
    const client = createClient({ ...place, statementTimeoutMs: 0 })
    await client.connect()
    await client.query(FILL)
    await client.end()
    const repository = await postgresRepository(place)
    store = await repository.store('managed/user', { indexes: ['sn'], unique: ['userName'] })
  })

  describeManyObjects(COUNT, () => store)
})
