/*
 * The functions of this folder run inside the sandbox: their source text is evaluated there. Each may use nothing but
 * its parameters and JavaScript's own objects, which it takes hold of before any script can change them.
 */

/** Hands a call to the gateway and waits for its answer: JSON out, JSON in. */
export type Ask = (name: string, ...args: unknown[]) => unknown

/** The crossing itself; throws what the gateway refused. */
export type Crossing = (name: string, args: string) => string

/** How a script sees a request that failed: `e.code`, `e.message`, and what Rhino's wrapper offers. */
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
