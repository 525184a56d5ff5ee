import type { Link, NewLink } from './link-store.ts'

/** Keyed digests of one field: of what a mapping makes of its source, and of what its target shows. */
export interface AgreedValues {
  readonly wanted: string
  readonly shown: string
}

/** What is known about a write that was about to be sent when this was stored. */
export interface AwaitedValues extends AgreedValues {
  /** Which of the two tells whether the write was carried out: the digest of the side that is written. */
  readonly evidence: 'wanted' | 'shown'
}

/** The last values of a field that both sides of a link agreed on. */
export interface AgreedField {
  /** Absent: none are known. */
  readonly last?: AgreedValues | undefined
  /** They count from now on if the write was carried out. */
  readonly awaited?: AwaitedValues | undefined
}

/** Fields as `printPointer` writes them. null = nothing is known any more. */
export type AgreedFields = ReadonlyMap<string, AgreedField | null>

/** What is to be kept about one link by one of the two mappings that share it. Other fields stay as they are. */
export interface Agreement {
  readonly link: NewLink
  readonly mapping: string
  readonly fields: AgreedFields
}

export interface KnownAgreement {
  /** The id of the link. */
  readonly link: string
  readonly mapping: string
  readonly fields: ReadonlyMap<string, AgreedField>
}

/** What mappings that share links have agreed on. It goes with the link; `RunRows.finish` adds to it, too. */
export interface AgreementStore {
  ofLinks(ids: readonly string[]): Promise<KnownAgreement[]>
  /** Agreements about links that do not exist are dropped. */
  put(agreements: readonly Agreement[]): Promise<void>
  /**
   * Counts that a mapping writes, if the opposite mapping has written over the same link before within `windowMs`.
   * @param link its id
   * @returns how often the two have taken turns within the window
   */
  countTurn(link: string, mapping: string, windowMs: number): Promise<number>
  /** Sets a link aside, until it is released or removed. */
  park(link: string): Promise<void>
  /** Counts from 0 again. @returns whether the link was parked */
  release(link: string): Promise<boolean>
  /** All links that are parked; given ids: those of them. */
  parked(ids?: readonly string[]): Promise<ParkedLink[]>
}

/** A link whose objects went round between its two sides. */
export interface ParkedLink extends Link {
  /** The mapping that was about to write. */
  readonly mapping: string
  /** ISO 8601. */
  readonly since: string
}
