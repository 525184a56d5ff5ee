import type { Json, Logger } from '../../contract.ts'
import { parseJson } from '../../core/json.ts'
import { badRequest, internalError, type ResourceException, toResourceException } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { Limits } from '../limits.ts'
import type { Reply } from '../protocol.ts'
import { answerCall, takeOutput } from './calls.ts'
import type { ServerProperties } from './identity-server.ts'
import type { KeptNumbers } from './kept-numbers.ts'
import type { Modules } from './modules.ts'
import { nesting } from './nesting.ts'
import type { ScriptSecrets } from './secrets.ts'

export interface ScriptHostOptions {
  readonly script: string
  readonly depth: number
  readonly limits: Limits
  readonly log: Logger
  readonly print: (line: string) => void
  readonly secrets: ScriptSecrets | undefined
  readonly server: ServerProperties | undefined
  readonly connect: (context: RequestContext) => Connection
  /** The long numbers in the input of the script. */
  readonly kept: KeptNumbers
}

/** Serves the calls of one script. Its arguments are untrusted JSON. */
export class ScriptHost {
  readonly #options: ScriptHostOptions
  /** The connection for the calls of one run, which can be aborted together. */
  #connection: (Pick<RequestContext, 'signal' | 'recorder'> & { readonly own: Connection }) | undefined

  constructor(options: ScriptHostOptions) {
    this.#options = options
  }

  /** Never rejects: errors are thrown in the script. */
  async serve(name: string, args: string, caller: RequestContext, modules: Modules): Promise<Reply> {
    if (name === 'module') return moduleReply(args, modules)
    const { script, depth, limits, log, print, kept } = this.#options
    try {
      const parsed = argumentsOf(args)
      if (name === 'log' || name === 'print') {
        takeOutput(log, print, script, name, parsed)
        return { kind: 'reply', text: '{}' }
      }
      const exact = kept.inArguments(name, parsed)
      const value = await nesting.within(depth, () => answerCall(this.#targets(caller), name, exact))
      const text = kept.textOfReply(name, parsed, value)
      if (text.length > limits.transferLength)
        throw internalError(`The answer is longer than ${limits.transferLength} characters: ask for less at once`)
      return { kind: 'reply', text }
    } catch (error) {
      return { kind: 'reply', text: JSON.stringify({ error: this.#noted(error, name) }) }
    }
  }

  tell(name: string, args: string): void {
    const { script, log, print } = this.#options
    try {
      takeOutput(log, print, script, name, argumentsOf(args))
    } catch (error) {
      log.warn({ err: error, script }, 'the output of a script cannot be read')
    }
  }

  /** The requests of a script are internal: they have no HTTP request. */
  #targets({ http: _, ...caller }: RequestContext) {
    const { secrets, server, connect } = this.#options
    const known = this.#connection
    if (known?.signal !== caller.signal || known?.recorder !== caller.recorder) this.#connection = undefined
    this.#connection ??= { ...caller, own: connect(caller) }
    return { connection: this.#connection.own, secrets, server }
  }

  /** Logs an internal error, which the script must not see. */
  #noted(error: unknown, name: string): ResourceException {
    const exception = toResourceException(error)
    if (exception !== error) {
      const { log, script } = this.#options
      log.error({ err: error, script }, `openidm.${name} failed`)
    }
    return exception
  }
}

function argumentsOf(text: string): Json[] {
  try {
    const args = parseJson(text)
    if (Array.isArray(args)) return args
  } catch (error) {
    throw badRequest(`The arguments are invalid: ${(error as Error).message}`)
  }
  throw badRequest('The arguments are invalid')
}

function moduleReply(name: string, modules: Modules): Reply {
  try {
    return { kind: 'module', module: modules.find(name) }
  } catch (error) {
    return { kind: 'reply', text: `Module "${name}": ${(error as Error).message}` }
  }
}
