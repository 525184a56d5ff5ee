/** A value that was sent to a target which does not show it as it was sent. */
export interface SentValue {
  readonly qualifier: string
  /** The id of the target, as links have it. */
  readonly target: string
  /** As `printPointer` writes it. */
  readonly field: string
  /** Keyed digest of what was sent. */
  readonly digest: string
  /** The same of what the target shows in its place; null = it shows nothing. */
  readonly shown: string | null
}

/** What mappings have sent and cannot read back. */
export interface SentValueStore {
  /** The key of the digests: made once, and of no use without this database. */
  digestKey(): Promise<Uint8Array>
  /** The fields that targets of a mapping do not show, and whether anything at all is kept for it. */
  fields(mapping: string): Promise<{ hidden: string[]; isEmpty: boolean }>
  ofTargets(mapping: string, targets: readonly string[]): Promise<SentValue[]>
  put(mapping: string, values: readonly SentValue[]): Promise<void>
  /** @param value without `field`: all fields of the target */
  remove(
    mapping: string,
    value: Pick<SentValue, 'qualifier' | 'target'> & { readonly field?: string | undefined },
  ): Promise<void>
}
