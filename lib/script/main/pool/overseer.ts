import { exceeded } from '../../limits.ts'
import { stoppedException } from '../../script-exception.ts'
import type { Run, Task } from './run.ts'

/** How often running scripts are looked at. */
const LOOK_MS = 20
/** How long a script may compute while others want to. */
const SLICE_MS = 20
/** A script ends itself when told to; one that has not by then is ended with its thread. */
const GRACE_MS = 500

export interface OverseerOptions {
  /** Those that have a thread. */
  readonly runs: () => Iterable<Run>
  /** Whether others wait for a turn. */
  readonly areOthersWaiting: () => boolean
  /** Ends the present item of a run that waits. */
  readonly expire: (run: Run) => void
  /** Tells a run to end, and whoever waits for it why. */
  readonly stop: (run: Run, reason: unknown) => void
  /** Ends a run that does not end itself, with its thread. */
  readonly kill: (run: Run) => void
}

/** Looks after running scripts: that they keep to their limits, and leave their turns to others. */
export class Overseer {
  readonly #options: OverseerOptions
  #look: NodeJS.Timeout | undefined

  constructor(options: OverseerOptions) {
    this.#options = options
  }

  begin(): void {
    this.#look ??= setInterval(() => this.#lookAfterAll(), LOOK_MS)
  }

  end(): void {
    clearInterval(this.#look)
    this.#look = undefined
  }

  #lookAfterAll(): void {
    const { runs, areOthersWaiting, expire, stop, kill } = this.#options
    const now = performance.now()
    const others = areOthersWaiting()
    for (const run of [...runs()]) {
      const { task, thread, state } = run
      // One that computes sees to it itself.
      if (state === 'waiting' && run.wallMs(now) > task.limits.wallMs) expire(run)
      const allowed = run.isStopped ? 0 : task.limits.computeMs
      if (state !== 'computing') continue
      if (run.computedMs(now) > allowed + GRACE_MS) {
        stop(run, tooLong(task))
        kill(run)
      } else if (others && run.turnMs(now) > SLICE_MS) thread?.askToYield()
    }
  }
}

const tooLong = ({ job, limits }: Task) =>
  stoppedException({ kind: 'limit', message: exceeded.computeMs(limits) }, job.code.name)
