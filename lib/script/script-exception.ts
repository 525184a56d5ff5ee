import type { Json } from '../contract.ts'
import { ResourceException, reasonOf } from '../crest/errors.ts'
import type { Thrown } from './guest/entry.ts'
import { MEMORY_EXCEEDED } from './limits.ts'
import type { Fault } from './protocol.ts'
import { type Position, placeIn } from './stack.ts'

/** Why a script has no result, for its caller. */
export class ScriptException extends ResourceException {
  /**
   * `syntax`: it does not compile. `thrown`: by the script or its calls. `limit`: it exceeded one. `stopped`, `broken`: see
   * Fault.
   */
  readonly kind: 'syntax' | 'thrown' | Fault['kind']

  constructor(
    kind: ScriptException['kind'],
    code: number,
    message: string,
    options: { detail?: Json; cause?: unknown } = {},
  ) {
    super(code, message, options)
    this.kind = kind
  }
}

export const stoppedException = ({ kind, message }: Fault, name: string): ScriptException =>
  new ScriptException(kind, 500, `The script ${name} was stopped: ${message}`)

/** Errors of the engine itself when a limit is reached. */
const LIMITS: Readonly<Record<string, string>> = {
  'InternalError: out of memory': MEMORY_EXCEEDED,
  'InternalError: out of memory in regexp execution': MEMORY_EXCEEDED,
  'InternalError: string too long': 'it made a string that is too long',
  'InternalError: stack overflow': 'its calls are nested too deeply',
}

/**
 * Converts a thrown value to a failed request: `{ code, message, detail }` sets the status, anything else is a 500.
 * @param facts.showPlaces whether the message contains the line
 */
export function thrownException(
  thrown: Thrown,
  { name, showPlaces }: { readonly name: string; readonly showPlaces: boolean },
): ScriptException {
  const { message } = thrown
  const limit = LIMITS[message]
  if (limit !== undefined) return stoppedException({ kind: 'limit', message: limit }, name)
  const { position, isUnrun, stack } = placeIn(thrown.stack ?? '')
  const cause = causeOf(message, stack)
  if (thrown.name === 'SyntaxError' && isUnrun)
    return new ScriptException('syntax', 500, message + inWords(position), { cause })
  const shown = showPlaces ? message + inWords(position) : message
  const code = statusOf(thrown.code)
  if (code === undefined) return new ScriptException('thrown', 500, shown || reasonOf(500), { cause })
  const detail = thrown.detail === undefined || thrown.detail === null ? {} : { detail: thrown.detail as Json }
  return new ScriptException('thrown', code, shown || reasonOf(code), { ...detail, cause })
}

/** In the words of IDM. */
function inWords({ file, line, column }: Position): string {
  if (line === undefined) return ''
  const inLine = column === undefined ? '' : ` at column number ${column}`
  return ` in ${file ?? 'the script'} at line number ${line}${inLine}`
}

function statusOf(code: unknown): number | undefined {
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined
}

/** For the log, with the stack trace of the script. */
function causeOf(message: string, stack: string): Error | undefined {
  if (stack === '') return undefined
  const cause = new Error(message)
  cause.stack = `${message}\n${stack}`
  return cause
}
