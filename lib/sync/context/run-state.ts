import type { JsonObject } from '../../contract.ts'

/** The stages of a run with the words for them. */
export const STAGES = {
  ACTIVE_INITIALIZED: 'initialized',
  ACTIVE_QUERY_ENTRIES: 'querying source and target entries',
  ACTIVE_RECONCILING_SOURCE: 'reconciling source entries',
  ACTIVE_RECONCILING_TARGET: 'reconciling target entries',
  ACTIVE_LINK_CLEANUP: 'cleaning up links',
  ACTIVE_PROCESSING_RESULTS: 'processing results',
  ACTIVE_CANCELING: 'canceling',
  COMPLETED_SUCCESS: 'reconciliation completed.',
  COMPLETED_CANCELED: 'reconciliation aborted.',
  COMPLETED_FAILED: 'reconciliation failed.',
} as const

export type Stage = keyof typeof STAGES
export type State = 'ACTIVE' | 'SUCCESS' | 'CANCELED' | 'FAILED'

const END_STATES: Readonly<Partial<Record<Stage, State>>> = {
  COMPLETED_SUCCESS: 'SUCCESS',
  COMPLETED_CANCELED: 'CANCELED',
  COMPLETED_FAILED: 'FAILED',
}

export const stateOf = (stage: Stage): State => END_STATES[stage] ?? 'ACTIVE'

/** A run that was active when its gateway ended, as it is shown from then on. */
export function interrupted(content: JsonObject): JsonObject {
  const stage: Stage = 'COMPLETED_FAILED'
  const stageDescription = `${STAGES[stage]} The gateway ended while it was running; it can be started again.`
  const ended = new Date().toISOString()
  const started = typeof content.started === 'string' ? Date.parse(content.started) : Date.now()
  return { ...content, state: stateOf(stage), stage, stageDescription, ended, duration: Date.now() - started }
}
