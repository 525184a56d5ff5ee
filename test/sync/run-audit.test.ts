import assert from 'node:assert/strict'
import type { AuditEvent } from '../../lib/core/telemetry/audit.ts'
import { newRow } from '../../lib/repo/runs/run-row.ts'
import type { RunStore, StoredRun } from '../../lib/repo/runs/run-store.ts'
import { PrivateFields } from '../../lib/sync/mapping/private-fields.ts'
import type { MappingRegistry } from '../../lib/sync/mapping/registry.ts'
import { RunAudit } from '../../lib/sync/rest/run-audit.ts'
import { memoryLog } from '../helpers/log.ts'

const RUN: StoredRun = {
  ...{ id: 'r', number: 1, mapping: 'm', state: 'SUCCESS', isAnalysis: false, persists: true },
  ...{ content: { started: '2026-01-01T00:00:00.000Z', ended: '2026-01-01T00:00:01.000Z' }, resume: null },
}
const ROW = newRow({
  ...{ key: 1, phase: 'source', qualifier: 'default', situation: 'CONFIRMED', action: 'UPDATE', status: 'SUCCESS' },
  ended: '2999-01-01T00:00:00.000Z',
})

/** The recorded entry types, and how often rows were read. */
async function audited(wanted: readonly string[]) {
  const recorded: string[] = []
  let reads = 0
  const after = async (last: number) => {
    reads += 1
    return last === 0 ? [ROW] : []
  }
  const runs = { find: async () => RUN, rows: () => ({ after }) } as unknown as RunStore
  const audit = {
    wants: (_: string, kind = '') => kind === '' || wanted.includes(kind),
    record: (_: string, { entryType }: AuditEvent) => recorded.push(String(entryType)),
    room: () => undefined,
  }
  const mappings = { find: () => undefined } as unknown as MappingRegistry
  const log = memoryLog()
  const observer = new RunAudit({ audit, runs, mappings, privateFields: new PrivateFields(() => []), log })
  observer.started(RUN)
  await observer.ended('r')
  assert.equal(log.text, '')
  return { recorded, reads }
}

describe('the audit of runs', () => {
  it('reads the rows of a run only when their entries are recorded', async () => {
    assert.deepEqual(await audited(['entry']), { recorded: ['start', 'entry', 'summary'], reads: 2 })
    assert.deepEqual(await audited([]), { recorded: ['start', 'summary'], reads: 0 })
  })
})
