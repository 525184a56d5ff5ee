import type { Json, JsonObject, ServiceRef } from '../../contract.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import type { Limits } from '../limits.ts'
import type { ScriptOutcome, ScriptResult } from './outcome.ts'
import type { ScriptDefinition } from './script.ts'

export type { ScriptOutcome, ScriptResult }

export interface RunOptions {
  /** Who asks: the variable `context`, and in whose name `openidm` functions work. */
  readonly context?: RequestContext
  /** The request that triggered the script: the variable `request`. */
  readonly request?: ResourceRequest
  /** Other names of variables, for the same object: `{ newObject: 'object' }`. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Aborting it stops the script. Default: that of the context. */
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<Limits>
}

export interface ManyOptions extends RunOptions {
  /** Variables whose state is asked for at the end of each run. */
  readonly read?: readonly string[]
  /** How many runs may be under way at a time. Default: 1, one after the other. */
  readonly parallel?: number
  /** The recorder of each run, for runs in recording mode: what its `openidm` functions ask to be written goes there. */
  readonly recorders?: readonly WriteRecorder[] | undefined
}

/** A script that compiles. One out of a file is always the last version of the file that does. */
export interface Script {
  readonly name: string
  readonly definition: ScriptDefinition
}

/** Scripts as others use them. Whatever a script does wrong is a ResourceException. */
export interface ScriptService {
  /**
   * @param name for messages, where the script is no file
   * @throws ResourceException 400 when it is no script, or does not compile
   */
  compile(script: Json, name?: string): Promise<Script>
  /**
   * Runs once, in a context of its own.
   * @returns the value of the last statement; null when it is undefined
   */
  run(script: Script, variables: JsonObject, options?: RunOptions): Promise<Json>
  /** The same, for scripts that change variables in place: `read` names those whose state is asked for. */
  runAndRead(
    script: Script,
    variables: JsonObject,
    read: readonly string[],
    options?: RunOptions,
  ): Promise<ScriptResult>
  /**
   * Runs once for each set of variables: what a page of objects needs. The runs know nothing of each other, limits hold
   * for each of them, and one that fails does not keep the others from running.
   */
  runMany(script: Script, variables: readonly JsonObject[], options?: ManyOptions): Promise<ScriptOutcome[]>
}

export const scriptsService: ServiceRef<ScriptService> = { id: 'scripts' }
