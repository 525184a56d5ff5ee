import type { RequestContext } from '../../crest/protocol/request.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { Mapping } from '../mapping/mapping.ts'

/** Is told what happens to runs and single actions. */
export interface RunObserver {
  started(run: StoredRun): void
  /** Called before rows are removed, which waits until it resolves. Never rejects. */
  ended(id: string): Promise<void>
  /** One action on one pair has ended, with success or not. */
  performed(mapping: Mapping, row: Row, context: RequestContext): void
}

/** Tells several observers, one after the other. */
export const observersOf = (observers: readonly RunObserver[]): RunObserver => ({
  started: (run) => {
    for (const observer of observers) observer.started(run)
  },
  ended: async (id) => {
    for (const observer of observers) await observer.ended(id)
  },
  performed: (mapping, row, context) => {
    for (const observer of observers) observer.performed(mapping, row, context)
  },
})
