import { inspect } from 'node:util'

export interface UntilOptions {
  /** Gives up after this time; 60,000 unless given. */
  readonly timeoutMs?: number
}

type Truthy<T> = Exclude<T, false | '' | 0 | 0n | null | undefined>

/** The first looks follow each other at once, since most states are a few turns of the event loop away. */
const EAGER_LOOKS = 20
const PAUSE_MS = 5
/** Taken at import, so that a test which stops the clock can still wait for a state. */
const { setImmediate: soon, setTimeout: later } = globalThis
const now = performance.now.bind(performance)

/**
 * Waits for a state, never for a time: resolves with the first truthy value of `condition`. A condition that throws
 * (an assertion, a file that is not there yet) counts as not met.
 * @throws Error naming `message` and the last value, with the last thrown error as its cause
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  message = 'the condition holds',
  { timeoutMs = 60_000 }: UntilOptions = {},
): Promise<Truthy<T>> {
  const deadline = now() + timeoutMs
  let last: { value?: T; error?: unknown } = {}
  for (let look = 0; now() < deadline || look === 0; look++) {
    last = await attempt(condition)
    if (last.value) return last.value as Truthy<T>
    await pause(look < EAGER_LOOKS)
  }
  const seen = 'error' in last ? `it threw ${String(last.error)}` : `the last value was ${inspect(last.value)}`
  throw new Error(`waited ${timeoutMs} ms until ${message}: ${seen}`, { cause: last.error })
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await condition() }
  } catch (error) {
    return { error }
  }
}

const pause = (eager: boolean): Promise<void> =>
  new Promise((next) => {
    if (eager) soon(next)
    else later(next, PAUSE_MS)
  })
