/**
 * A gateway without its HTTP side, whose local users are queued for a remote. Each line of standard input is a change,
 * `put ID VALUE` or `delete ID`, stored with its event; its number is printed when it is acknowledged.
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ConfigDirectory } from '../../../../lib/config/files/directory.ts'
import { parseKeys } from '../../../../lib/config/values/crypto/crypto.ts'
import { fixedKeys, KeyWrapper } from '../../../../lib/config/values/crypto/key-wrapper.ts'
import type { Logger } from '../../../../lib/contract.ts'
import { Scope } from '../../../../lib/core/scope.ts'
import { registryOf } from '../../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../../lib/crest/protocol/router.ts'
import { ROUTE, startExternalIdm } from '../../../../lib/external-idm.ts'
import { openRepository } from '../../../../lib/repo/open.ts'
import type { EventAction, NewEvent } from '../../../../lib/repo/queue/event.ts'
import { startSynchronization } from '../../../../lib/sync/synchronization.ts'
import { ObjectCollection } from '../../../repo/contract/object-collection.ts'

const [dir = ''] = process.argv.slice(2)
const log: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error: (_, line) => console.error(line) }
const scope = new Scope(log)
const confDir = join(dir, 'conf')
const directory = new ConfigDirectory({ dir: confDir, log })
await directory.start()
const ring = parseKeys(process.env.CRASH_KEY ?? '', 'test')
const keys = new KeyWrapper(fixedKeys(ring))
const repository = await openRepository({ file: join(dir, 'db/repo.db'), log, keys })
const router = new ResourceRouter()
const { handler } = await startExternalIdm(scope, {
  ...{ confDir, configuration: directory, env: {}, log, behindMount: false, trustTransactionId: false },
  authorize: () => ({ allowed: true }) as never,
  capture: () => undefined,
  contextOf: () => ({}),
})
router.add(ROUTE, handler)
const store = await repository.store('stored/user')
router.add('stored/user', new ObjectCollection(store))
const { queue } = await startSynchronization({
  ...{ repository, configuration: directory, scripts: undefined, log },
  resources: registryOf(router),
  managedTypes: () => [],
})
await queue.begin()
console.log('READY')

const event = (action: EventAction): { events: NewEvent[] } => ({
  events: [
    {
      ...{ mapping: 'm', collection: 'stored/user', resourceId: '', action, chain: [], transactionId: null },
      ...{ objectRev: null, oldObject: null, newObject: null, userId: null },
    },
  ],
})

async function change(what: string, id: string, value: string): Promise<void> {
  const known = await store.find(id)
  if (what === 'delete') {
    if (known) await store.remove(id, null, event('delete'))
  } else if (known) await store.replace(id, null, { v: Number(value) }, event('update'))
  else await store.insert(id, { v: Number(value) }, event('create'))
}

for await (const line of createInterface(process.stdin)) {
  const [number = '', what = '', id = '', value = ''] = line.split(' ')
  await change(what, id, value)
  console.log(`ACK ${number}`)
}
