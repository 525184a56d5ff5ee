/*
 * The functions of this folder run inside the sandbox: their source text is evaluated there. Each may only use its
 * parameters and JavaScript's built-in objects, which it captures before any script can change them.
 */

/** Sends a call to the gateway as JSON, and waits for its answer. */
export type Ask = (name: string, ...args: unknown[]) => unknown

/** The transport of calls; throws the errors of the gateway. */
export type Crossing = (name: string, args: string) => string

/** Failed requests throw exceptions with `e.code`, `e.message`, and the methods of Rhino's wrapper. */
export function makeAsk(cross: Crossing): Ask {
  const { parse, stringify } = JSON

  interface Failure {
    readonly code: number
    readonly reason: string
    readonly message: string
    readonly detail?: unknown
  }

  class ResourceException extends Error {
    readonly code: number
    readonly reason: string
    readonly detail: unknown

    constructor({ code, reason, message, detail }: Failure) {
      super(message)
      this.code = code
      this.reason = reason
      this.detail = detail ?? null
      const javaException = {
        getCode: () => code,
        getReason: () => reason,
        getMessage: () => message,
        getLocalizedMessage: () => message,
        getDetail: () => detail ?? null,
        toString: () => message,
      }
      Object.defineProperty(this, 'javaException', { value: javaException })
    }
  }
  Object.defineProperty(ResourceException.prototype, 'name', { value: 'ResourceException' })

  return (name, ...args) => {
    const reply = parse(cross(name, stringify(args)))
    if (reply.error !== undefined) throw new ResourceException(reply.error)
    return reply.value
  }
}
