import type { Behaviour } from './behaviours.ts'

/** What a remote itself says of its answers: how many it gave, by method and status. */
export class AnswerCounts {
  readonly #counts = new Map<string, number>()

  /** Has `behaviour` answer, and counts what went out whole. */
  of(behaviour: Behaviour): Behaviour {
    return (exchange) => {
      const { response, request } = exchange
      response.on('finish', () => {
        const key = `${request.method} ${response.statusCode}`
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
      })
      return behaviour(exchange)
    }
  }

  /** `{ 'GET 200': 3 }`. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort())
  }
}
