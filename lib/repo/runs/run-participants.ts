/**
 * The processes that carry out rows of runs for the one that coordinates them. A participant writes rows with its ticket: the
 * database refuses that once its participation has ended.
 */
export interface RunParticipants {
  /** Lets a process take part, which it does with the first `renew`, within `LEASE_MS`. @returns its ticket */
  admit(run: number, node: string): Promise<number>
  /** Extends a lease by `LEASE_MS`. @returns false when the participant was dismissed: it begins no further rows, and leaves */
  renew(ticket: number): Promise<boolean>
  /** Whether the lease goes on. */
  isHeld(ticket: number): Promise<boolean>
  /** Ends a participation; resolves when what it was storing is committed. */
  end(ticket: number): Promise<void>
  /** The same for one that may go on working: when it has left, its lease is over, or it never took part. */
  dismiss(ticket: number): Promise<void>
  /**
   * Ends all participations in a run whose coordinator has ended; resolves when no participant can write any more: see
   * `dismiss`.
   */
  endAll(run: number): Promise<void>
}

/**
 * How long a participant may begin requests without renewing its lease. It counts from before it asks, on a clock that goes on
 * while the process is stopped, so that its own lease ends before the one in the database.
 */
export const LEASE_MS = 10_000
