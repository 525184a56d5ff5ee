import type { Json } from '../contract.ts'
import { ResourceException, reasonOf } from '../crest/errors.ts'
import type { Fault } from './protocol.ts'

/** Why a script has no result, as whoever asked for it is told. */
export class ScriptException extends ResourceException {
  /**
   * `syntax`: nothing of it ran. `thrown`: by the script, or by what it called. `limit`: it ran into one. `stopped`,
   * `broken`: from outside.
   */
  readonly kind: Fault['kind']

  constructor(kind: Fault['kind'], code: number, message: string, options: { detail?: Json; cause?: unknown } = {}) {
    super(code, message, options)
    this.kind = kind
  }
}

/**
 * What a script threw as a failed request: `{ code, message, detail }` has that status, anything else is a 500.
 * @param showPlaces whether the message says in which line
 */
export function toScriptException(fault: Fault, name: string, showPlaces: boolean): ScriptException {
  const { kind, message, stack } = fault
  const cause = causeOf(fault)
  if (kind === 'syntax') return new ScriptException(kind, 500, message + placeOf(fault), { cause })
  if (kind !== 'thrown') return new ScriptException(kind, 500, `The script ${name} was stopped: ${message}`, { cause })
  const code = statusOf(fault.code)
  const shown = showPlaces && stack !== undefined ? message + placeOf(fault) : message
  if (code === undefined) return new ScriptException(kind, 500, shown || reasonOf(500), { cause })
  const detail = fault.detail === undefined || fault.detail === null ? {} : { detail: fault.detail as Json }
  return new ScriptException(kind, code, shown || reasonOf(code), { ...detail, cause })
}

/** A script that does not compile, asked for by whoever wrote it. */
export const compileException = (fault: Fault): ScriptException =>
  new ScriptException('syntax', 400, fault.message + placeOf(fault))

/** In IDM's words. */
function placeOf({ file, line, column }: Fault): string {
  if (line === undefined) return ''
  return ` in ${file ?? 'the script'} at line number ${line}${column === undefined ? '' : ` at column number ${column}`}`
}

function statusOf(code: unknown): number | undefined {
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined
}

/** For the log: the trace of the script, not ours. */
function causeOf({ message, stack }: Fault): Error | undefined {
  if (!stack) return undefined
  const cause = new Error(message)
  cause.stack = `${message}\n${stack}`
  return cause
}
