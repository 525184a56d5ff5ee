import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Disposable, HttpHandler, NextFunction } from '../../contract.ts'
import type { EffectiveRequest } from '../../crest/http/effective-request.ts'

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

/** The routers of one mount that everybody may read: GET and HEAD, without a login. */
export class OpenRouters {
  /** By the path below the mount, without slashes at its ends. */
  readonly #handlers = new Map<string, HttpHandler>()

  /** @throws Error when the path is taken, or below or above one that is */
  add(path: string, handler: HttpHandler): Disposable {
    const taken = [...this.#handlers.keys()].find((other) => isWithin(path, other) || isWithin(other, path))
    if (taken !== undefined) throw new Error(`the path ${path} meets ${taken}, which is served already`)
    this.#handlers.set(path, handler)
    return { dispose: () => void this.#handlers.delete(path) }
  }

  /** The router that serves a request without a login; undefined if the request needs one. */
  handlerOf({ method, path: { strict, loose } }: Pick<EffectiveRequest, 'method' | 'path'>): HttpHandler | undefined {
    if ((method !== 'GET' && method !== 'HEAD') || strict !== loose) return undefined
    for (const [path, handler] of this.#handlers) if (isWithin(strict, path)) return handler
    return undefined
  }
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

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
