import { Agent } from 'node:http'
import { onCleanUp } from '../helpers/clean-up.ts'
import type { App } from './app.ts'

export interface Traffic {
  /** How many answers came so far. */
  readonly answers: number
  /** What went wrong so far: answers other than 200, and broken connections. */
  readonly failures: readonly string[]
  /** Resolves when all callers have their last answer. */
  stop(): Promise<void>
}

/** Callers that ask one of `paths` after the other until they are stopped, each over a connection that it keeps. */
export function startTraffic(app: App, paths: readonly string[], callers: number): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: callers })
  onCleanUp(() => agent.destroy())
  const failures: string[] = []
  let answers = 0
  let running = true
  // Else a test that fails would leave callers who never rest.
  onCleanUp(() => {
    running = false
  })
  const ask = async (path: string) => {
    try {
      const { status, text } = await app.call(path, { agent })
      if (status !== 200) failures.push(text)
    } catch (error) {
      failures.push(String(error))
    }
    answers++
  }
  const caller = async (first: number) => {
    for (let n = first; running; n++) await ask(paths[n % paths.length] ?? '')
  }
  const over = Promise.all(Array.from({ length: callers }, (_, n) => caller(n)))
  return {
    get answers() {
      return answers
    },
    failures,
    async stop() {
      running = false
      await over
      agent.destroy()
    },
  }
}
