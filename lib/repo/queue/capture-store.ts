import type { NewEvent } from './event.ts'

/** What a request to a remote has changed, or may have changed. */
export interface CapturedChanges {
  readonly events: readonly NewEvent[]
  /** Mappings whose changed objects are not known: only a full run finds them. */
  readonly sweeps: readonly string[]
}

/** A mapping that needs a full run. */
export interface SweepNeed {
  readonly mapping: string
  /** When the first change was noted whose objects are not known: ISO 8601. */
  readonly since: string
}

/** What becomes of requests to remotes that mappings capture. */
export interface CaptureStore {
  /** Stores what a request of this process may change; resolves when it is on the disk. @returns its key */
  intend(doubt: CapturedChanges): Promise<number>
  /**
   * Forgets an intent, and stores what it has become in the same transaction. That is stored as well when the intent is
   * gone, because another process has recovered it.
   * @returns the mappings that need a full run from now on
   */
  settle(key: number, became: CapturedChanges): Promise<readonly string[]>
  /** The processes that have intents: see `Repository.process`; an empty text for those of earlier releases. */
  processes(): Promise<readonly string[]>
  /**
   * Turns the intents of processes that have ended into what their requests may have changed.
   * @returns how many there were
   */
  recover(processes: readonly string[]): Promise<number>
  sweepNeeds(): Promise<readonly SweepNeed[]>
  /** Forgets that a mapping needs a full run, unless it was noted again since `begun`, in milliseconds since 1970. */
  clearSweepNeed(mapping: string, begun: number): Promise<void>
}
