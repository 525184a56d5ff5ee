import { exceeded } from '../../limits.ts'
import { stoppedException } from '../../script-exception.ts'
import type { Run, Task } from './run.ts'

/** Interval of the checks of running scripts. */
const INTERVAL_MS = 20
/** Max computing time while others wait for a turn. */
const TIME_SLICE_MS = 20
/** A script that does not end within this time after it was told to is ended with its thread. */
const GRACE_MS = 500

export interface WatchdogOptions {
  /** The runs with a thread. */
  readonly runs: () => Iterable<Run>
  /** Whether others wait for a turn. */
  readonly areOthersWaiting: () => boolean
  /** Ends the current item of a waiting run. */
  readonly expire: (run: Run) => void
  /** Stops a run, and rejects its result. */
  readonly stop: (run: Run, reason: unknown) => void
  /** Ends a run that does not stop, with its thread. */
  readonly kill: (run: Run) => void
}

/** Enforces the limits of running scripts, and makes them yield their turns to others. */
export class Watchdog {
  readonly #options: WatchdogOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#checkAll(), INTERVAL_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #checkAll(): void {
    const { runs, areOthersWaiting, expire, stop, kill } = this.#options
    const now = performance.now()
    const others = areOthersWaiting()
    for (const run of [...runs()]) {
      const { task, thread, state } = run
      // A computing run checks its wall time itself.
      if (state === 'waiting' && run.wallMs(now) > task.limits.wallMs) expire(run)
      const allowed = run.isStopped ? 0 : task.limits.computeMs
      if (state !== 'computing') continue
      if (run.computedMs(now) > allowed + GRACE_MS) {
        stop(run, tooLong(task))
        kill(run)
      } else if (others && run.turnMs(now) > TIME_SLICE_MS) thread?.askToYield()
    }
  }
}

const tooLong = ({ job, limits }: Task) =>
  stoppedException({ kind: 'limit', message: exceeded.computeMs(limits) }, job.code.name)
