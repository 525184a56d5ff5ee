import type { Dialect } from '../statements/dialect.ts'
import { aside, run, type Work } from '../statements/work.ts'
import { type EventPlace, placeKey } from './event-locks.ts'
import { BY_OBJECT, STATE } from './event-row.ts'

/** Lets the oldest event of each object be the next one, unless one of the object is being carried out. */
export function* promote(dialect: Dialect, places: readonly EventPlace[]): Work<void> {
  const objects = distinct(places)
  if (objects.length > 0) yield* aside(run(promoting(dialect), pairsOf(dialect, objects)))
}

/** The same where events that are older than the next one may have come. */
export function* arrange(dialect: Dialect, places: readonly EventPlace[]): Work<void> {
  const objects = distinct(places)
  if (objects.length === 0) return
  yield* aside(run(demoting(dialect), pairsOf(dialect, objects)))
  yield* aside(run(promoting(dialect), pairsOf(dialect, objects)))
}

/** Parameters for `Dialect.eachPair`. */
export const pairsOf = (dialect: Dialect, places: readonly EventPlace[]): readonly unknown[] =>
  dialect.pairs(places.map(({ mapping, resource }) => [mapping, resource]))

/** A query of the key of an event that waits, for each of `wanted`. @param end such as `min` */
export const keyOfObject = ({ indexedBy }: Dialect, end: 'min' | 'max'): string =>
  `(select ${end}(o.key) from sync_event as o ${indexedBy(BY_OBJECT)} where ${OF_OBJECT})`

const OF_OBJECT = 'o.mapping = wanted.one and o.resource = wanted.other and o.state < 4'

/** Whether none of the object is being carried out. */
const isIdle = ({ indexedBy }: Dialect): string => `not exists (select 1 from sync_event as o ${indexedBy(BY_OBJECT)}
  where ${OF_OBJECT} and o.state = ${STATE.acquired})`

const promoting = (dialect: Dialect): string => `update sync_event set state = ${STATE.ready}
  where state = ${STATE.behind}
    and key in (select ${keyOfObject(dialect, 'min')} from ${dialect.eachPair} where ${isIdle(dialect)})`

const demoting = (dialect: Dialect): string => {
  const table = `sync_event as e ${dialect.indexedBy(BY_OBJECT)}`.trim() as `${string} as ${string}`
  const events = dialect.lookUp(table, 'e.mapping = wanted.one and e.resource = wanted.other and e.state < 4')
  return `update sync_event set state = ${STATE.behind} where key in (select e.key from ${dialect.eachPair} ${events}
    where e.state in (${STATE.ready}, ${STATE.retry}) and e.key > ${keyOfObject(dialect, 'min')} and ${isIdle(dialect)})`
}

/** Each object once. */
const distinct = (places: readonly EventPlace[]): readonly EventPlace[] => [
  ...new Map(places.map((place) => [placeKey(place), place])).values(),
]
