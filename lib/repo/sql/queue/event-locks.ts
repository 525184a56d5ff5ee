import type { Lock } from '../statements/database.ts'
import type { EventKeyRecord } from './event-record.ts'

const NAME = 'events'
/** Beyond it, the whole mapping is locked: a server keeps room for a limited number of locks. */
const MAX_OBJECTS = 20

/** Held by who changes events of mappings that are not known before. */
export const ALL_EVENTS: Lock = { name: NAME }

/** Held by who takes events. */
export const SOME_EVENTS: Lock = { name: NAME, isShared: true }

/** Held by who changes events of objects of a mapping that are not known before. */
export const mappingLocks = (mapping: string): Lock[] => [SOME_EVENTS, { name: `${NAME}/${mapping}` }]

/** The object of a mapping. */
export type EventPlace = Pick<EventKeyRecord, 'mapping' | 'resource'>

export const placeKey = ({ mapping, resource }: EventPlace): string => JSON.stringify([mapping, resource])

/**
 * Held by who changes events of objects: the states of the events of an object depend on each other. Writes of different
 * objects do not wait for each other, so that one flush of the log of a server serves several.
 */
export function eventLocks(places: readonly EventPlace[]): Lock[] {
  if (places.length === 0) return []
  const objects = new Set(places.map(placeKey))
  const isWhole = objects.size > MAX_OBJECTS
  const mappings = [...new Set(places.map(({ mapping }) => mapping))]
  return [
    SOME_EVENTS,
    ...mappings.map((mapping) => ({ name: `${NAME}/${mapping}`, isShared: !isWhole })),
    // All of them come behind the mappings, in the order of locks.
    ...(isWhole ? [] : [...objects].map((object) => ({ name: `${NAME}:${object}` }))),
  ]
}
