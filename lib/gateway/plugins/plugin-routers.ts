import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Disposable, HttpHandler, NextFunction } from '../../contract.ts'

/** The routers that plugins put on one mount, asked in the order of their registration. */
export class PluginRouters {
  /** Replaced as a whole, so that a request under way keeps the list that it started with. */
  #handlers: readonly HttpHandler[] = []

  add(handler: HttpHandler): Disposable {
    const entry: HttpHandler = (request, response, next) => handler(request, response, next)
    this.#handlers = [...this.#handlers, entry]
    return {
      dispose: () => {
        this.#handlers = this.#handlers.filter((other) => other !== entry)
      },
    }
  }

  /** Asks each router; `next()` when none answered, `next(error)` when one failed. */
  readonly handle: HttpHandler = (request, response, next) => ask(this.#handlers, 0, request, response, next)
}

function ask(
  handlers: readonly HttpHandler[],
  index: number,
  request: IncomingMessage,
  response: ServerResponse,
  next: NextFunction,
): void {
  const handler = handlers[index]
  if (!handler) {
    next()
    return
  }
  const following: NextFunction = (error) =>
    error === undefined || error === null ? ask(handlers, index + 1, request, response, next) : next(error)
  try {
    // A router may be an async function all the same: its rejection must not end the process.
    const outcome: unknown = handler(request, response, following)
    if (outcome instanceof Promise) outcome.catch(next)
  } catch (error) {
    next(error)
  }
}
