import type { Run, Task } from './run.ts'
import { ScriptException } from './script-exception.ts'

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
    const { runs, areOthersWaiting, stop, kill } = this.#options
    const now = performance.now()
    const others = areOthersWaiting()
    for (const run of [...runs()]) {
      const { task, thread, state } = run
      if (run.wallMs(now) > task.wallMs) stop(run, tooLong(task, `it took longer than ${task.wallMs} ms`))
      const allowed = run.isStopped ? 0 : task.computeMs
      if (state !== 'computing') continue
      if (run.computedMs(now) > allowed + GRACE_MS) {
        stop(run, tooLong(task, `it computed longer than ${task.computeMs} ms`))
        kill(run)
      } else if (others && run.turnMs(now) > SLICE_MS) thread?.askToYield()
    }
  }
}

const tooLong = ({ job }: Task, sentence: string) =>
  new ScriptException('limit', 500, `The script ${job.code.name} was stopped: ${sentence}`)
