import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Disposable, HttpHandler, NextFunction } from '../../contract.ts'

/** The plugin routers of one mount, in registration order. */
export class PluginRouters {
  /** Copied on write, so that requests in flight keep their list. */
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

  /** Calls each router in turn; `next()` if none answers, `next(error)` if one fails. */
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
    // Routers may be async: a rejection must not end the process.
    const outcome: unknown = handler(request, response, following)
    if (outcome instanceof Promise) outcome.catch(next)
  } catch (error) {
    next(error)
  }
}
