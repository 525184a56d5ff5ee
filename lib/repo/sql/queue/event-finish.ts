import type { Sealer } from '../runs/sealer.ts'
import type { Dialect } from '../statements/dialect.ts'
import { updateRows } from '../statements/insert-rows.ts'
import { all, aside, type Work } from '../statements/work.ts'
import { addToCounts } from './event-counts.ts'
import type { EventPlace } from './event-locks.ts'
import { promote } from './event-order.ts'
import type { OutcomeRecord } from './event-record.ts'
import { EVENTS, STATE } from './event-row.ts'

/** Ends events in the transaction of the caller, where the process that they were given to still has them. */
export function* finishEvents(dialect: Dialect, sealer: Sealer, outcomes: readonly OutcomeRecord[]): Work<void> {
  const error = (one: OutcomeRecord) =>
    one.error === null ? null : sealer.seal(EVENTS, 'lastError', one.key, one.error)
  const gone: EventPlace[] = []
  const dead: EventPlace[] = []
  for (const [node, own] of Map.groupBy(outcomes, (outcome) => outcome.node)) {
    const { done = [], retry = [], dead: spent = [] } = Object.groupBy(own, ({ result }) => result)
    const keys = done.map(({ key }) => key)
    if (keys.length > 0) gone.push(...(yield* all<EventPlace>(ending(dialect), [node, dialect.list(keys)])))
    for (const one of spent)
      dead.push(
        ...(yield* all<EventPlace>(GIVE_UP, [new Date().toISOString(), one.attempts, error(one), one.key, node])),
      )
    const values = retry.flatMap((one) => [one.key, one.notBefore, one.attempts, error(one)])
    yield* aside(updateRows(dialect, RETRY, [node], values, RETRY_TYPES))
  }
  yield* promote(dialect, [...gone, ...dead])
  yield* addToCounts(dialect, [
    ...gone.map(({ mapping }) => ({ mapping, waiting: -1, dead: 0 })),
    ...dead.map(({ mapping }) => ({ mapping, waiting: -1, dead: 1 })),
  ])
}

const isOurs = (node: string): string => `state = ${STATE.acquired} and node = ${node}`
const ending = ({ among }: Dialect): string =>
  `delete from sync_event where ${isOurs('?1')} and key ${among('integer', '?2')} returning mapping, resource`
const GIVE_UP = `update sync_event set state = ${STATE.dead}, ended = ?, attempts = ?, last_error = ?, node = null,
  taken = null where key = ? and ${isOurs('?')} returning mapping, resource`
const RETRY = [
  // The number of a parameter that all rows share has to come before their values.
  `update sync_event set node = nullif(node, ?1), taken = null, state = ${STATE.retry}, not_before = v.column2,
    attempts = v.column3, last_error = v.column4 from`,
  `where key = v.column1 and ${isOurs('?1')}`,
] as const
const RETRY_TYPES = ['integer', 'integer', 'integer', 'bytes'] as const
