/** Up to when everything of a source has been carried over. */
export interface Watermark {
  /** ISO 8601, by the clock of the source. */
  readonly time: string
  /** Identifies the source, its query and its address: it holds for no other. */
  readonly scope: string
}

/** That a field filters, as it was proven. */
export interface FieldProof {
  /** Identifies the field, the source and its address. */
  readonly subject: string
  /** ISO 8601. */
  readonly at: string
  /** JSON of the form of the times in the field. */
  readonly form: string
}

/** A source that failed, and that the next incremental run takes in addition. */
export interface Retry {
  readonly sourceId: string
  /** In how many runs it has failed. */
  readonly attempts: number
}

/** What a run that has ended well leaves to the next incremental run. */
export interface Settlement {
  /** undefined = it stays. */
  readonly watermark?: Watermark | undefined
  /** The ids of sources that failed. */
  readonly failed: readonly string[]
  /** The ids of sources that need no further attempt; `rest` = all that did not fail. */
  readonly done: readonly string[] | 'rest'
}

/** How far incremental runs have come, by mapping. */
export interface IncrementalStore {
  watermark(mapping: string): Promise<Watermark | undefined>
  proof(mapping: string): Promise<FieldProof | undefined>
  prove(mapping: string, proof: FieldProof): Promise<void>
  /**
   * Stores watermark and retries, all of it or nothing.
   * @param limit max retries of the mapping
   * @returns how many retries there are; undefined = there would be more than `limit`, and nothing is stored
   */
  settle(mapping: string, settlement: Settlement, limit: number): Promise<number | undefined>
  /** Retries in the order of their ids, those after `after`. */
  retries(mapping: string, after: string, limit: number): Promise<Retry[]>
}
