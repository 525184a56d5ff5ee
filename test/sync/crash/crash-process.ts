/**
 * A gateway without its HTTP side, which starts fast: reconciles the mapping `m` of a conf directory, or resumes its last
 * run, or undoes it. Prints `RUN <JSON>` when the run has ended; SIGTERM stops it as a gateway stops.
 */
import { join } from 'node:path'
import { ConfigDirectory } from '../../../lib/config/files/directory.ts'
import { parseKeys } from '../../../lib/config/values/crypto/crypto.ts'
import { fixedKeys, KeyWrapper } from '../../../lib/config/values/crypto/key-wrapper.ts'
import type { Logger } from '../../../lib/contract.ts'
import { Scope } from '../../../lib/core/scope.ts'
import { registryOf } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import { ROUTE, startExternalIdm } from '../../../lib/external-idm.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { startSynchronization } from '../../../lib/sync/synchronization.ts'

const [dir = '', what = 'recon', count = '0'] = process.argv.slice(2)
const log: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error: (_, line) => console.error(line) }
const scope = new Scope(log)
const confDir = join(dir, 'conf')
const configuration = scope.own('configuration', { ...wrapped(new ConfigDirectory({ dir: confDir, log })) })
await configuration.directory.start()
const ring = parseKeys(process.env.CRASH_KEY ?? '', 'test')
const keys = new KeyWrapper(fixedKeys(ring))
const repository = await openRepository({ file: join(dir, 'db/repo.db'), log, keys })
scope.defer('repository', () => repository.close())
const router = new ResourceRouter()
const { handler } = await startExternalIdm(scope, {
  capture: () => undefined,
  ...{ confDir, configuration: configuration.directory, env: {}, log, behindMount: false, trustTransactionId: false },
  authorize: () => ({ allowed: true }) as never,
  contextOf: () => ({}),
})
router.add(ROUTE, handler)
const { service, dispose } = await startSynchronization({
  ...{ repository, configuration: configuration.directory, scripts: undefined, log },
  resources: registryOf(router),
  managedTypes: () => [],
})
const stop = async () => {
  await dispose()
  await scope.dispose()
  process.exit(0)
}
process.once('SIGTERM', () => void stop())
const last = (await service.list()).at(-1)
const options = { action: 'recon', ids: [], isAnalysis: false, persists: true, overrides: {} } as const
const run = what === 'resume' ? await service.resume(String(last?._id)) : await (what === 'undo' ? undo() : recon())
console.log('STARTED')
await run.ended
console.log(`RUN ${JSON.stringify(await service.get(run.id))}`)
await stop()

function recon() {
  return service.start('m', options)
}

/** Takes the last run back, with all that it created. */
async function undo() {
  const created = Number(count)
  const plan = await service.undo(String(last?._id), { deleteCreated: created })
  await plan.ended
  return service.execute(plan.id)
}

function wrapped(directory: ConfigDirectory) {
  return { directory, dispose: () => directory.close() }
}
