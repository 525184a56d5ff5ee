import type { Lock } from '../statements/database.ts'

const NAME = 'events'

/** Held by who changes events of mappings that are not known before. */
export const ALL_EVENTS: Lock = { name: NAME }

/**
 * Held by who changes events of mappings: the states of the events of an object depend on each other, and each mapping has
 * one row that counts its events.
 */
export const eventLocks = (mappings: readonly string[]): Lock[] =>
  mappings.length === 0
    ? []
    : [{ name: NAME, isShared: true }, ...[...new Set(mappings)].map((mapping) => ({ name: `${NAME}/${mapping}` }))]
