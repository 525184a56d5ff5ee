import assert from 'node:assert/strict'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { ManagedChanges } from '../../lib/gateway/managed/changes.ts'
import { addSynchronization } from '../../lib/gateway/synchronization.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'
import { tempRepository } from '../repo/repositories.ts'

describe('resumeRuns', () => {
  it('logs that the runs cannot be listed', async () => {
    const started = Promise.withResolvers<void>()
    const [repository, log] = [await tempRepository(), memoryLog()]
    await addSynchronization({
      router: new ResourceRouter(),
      configuration: { subscribe: async () => ({ dispose: () => undefined }) },
      repository,
      scripts: undefined,
      managedTypes: () => [],
      settings: { value: { resumeRuns: true } },
      state: { started: started.promise },
      signal: new AbortController().signal,
      acceptance: { isHeld: () => false, isMappingHeld: () => false },
      changes: new ManagedChanges(),
      drains: false,
      node: { nodeId: 'node1', share: () => undefined, describe: async () => ({}) },
      log,
    })
    await repository.close()
    started.resolve()
    await until(() => log.messages('error').length > 0, 'the message')
    assert.deepEqual(log.messages('error'), ['interrupted reconciliations and queued changes were not resumed'])
  })
})
