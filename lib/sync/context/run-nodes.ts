/** The processes that can share the work of runs, each with a name as reports show it. */
export interface RunNodes {
  /** This process, and the others that run now. */
  known(): Promise<{ readonly own: string; readonly others: readonly string[] }>
  /**
   * Has another node carry out a task: `RunParticipant.answer`.
   * @param signal ends the task early: the answer tells what was done
   * @throws NodeLost
   */
  call(node: string, task: string, signal: AbortSignal): Promise<string>
}

/** A node does not answer. */
export class NodeLost extends Error {
  /** Whether its process has ended, so that no request of it follows. */
  readonly hasEnded: boolean

  constructor(hasEnded = true) {
    super('the node has ended, or takes no tasks')
    this.hasEnded = hasEnded
  }
}
