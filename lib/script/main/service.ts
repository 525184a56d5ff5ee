import type { Json, JsonObject, Logger, MetricsRegistry, ServiceRef } from '../../contract.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import type { Limits } from '../limits.ts'
import type { ServerProperties } from './identity-server.ts'
import type { ScriptOutcome, ScriptResult } from './outcome.ts'
import type { PoolSize } from './pool/pool-size.ts'
import type { ScriptDefinition } from './script.ts'
import type { ScriptSecrets } from './secrets.ts'

export type { ScriptOutcome, ScriptResult }

export interface RunOptions {
  /** The caller: the variable `context`, and on whose behalf `openidm` functions work. */
  readonly context?: RequestContext
  /** The request that triggered the script: the variable `request`. */
  readonly request?: ResourceRequest
  /** Aliases of variables: `{ newObject: 'object' }`. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Stops the script. Default: the signal of the context. */
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<Limits>
}

export interface ManyOptions extends RunOptions {
  /** Variables that are returned at the end of each run. */
  readonly read?: readonly string[]
  /** Max concurrent runs. Default: 1. */
  readonly parallel?: number
  /** In recording mode, the recorder of each run, for the writes of its `openidm` functions. */
  readonly recorders?: readonly WriteRecorder[] | undefined
}

/** A valid script. One from a file always runs the last valid version of the file. */
export interface Script {
  readonly name: string
  readonly definition: ScriptDefinition
}

/** Runs scripts. Every error of a script is a ResourceException. */
export interface ScriptService {
  /**
   * @param name for messages about a script without file
   * @throws ResourceException 400 when it is invalid or does not compile
   */
  compile(script: Json, name?: string): Promise<Script>
  /**
   * The same for a script that is to stay: what it requires must be here, too.
   * @throws ResourceException 400 that names the module, file or Java class that is missing
   */
  compileWhole(script: Json, name?: string): Promise<Script>
  /**
   * The text of each file in force that a script consists of, by name: its own, and those that it requires. Bundled modules
   * are left out.
   * @throws ResourceException 400 when it is invalid, or a file is missing
   */
  filesOf(script: Json): Promise<ReadonlyMap<string, string>>
  /**
   * Runs a script once in its own context.
   * @returns the value of the last statement; null for undefined
   */
  run(script: Script, variables: JsonObject, options?: RunOptions): Promise<Json>
  /** The same for scripts that change variables. @param read the variables to return */
  runAndRead(
    script: Script,
    variables: JsonObject,
    read: readonly string[],
    options?: RunOptions,
  ): Promise<ScriptResult>
  /**
   * Runs a script for each set of variables, such as those of a page of objects. The runs are isolated from each other, each
   * has its own limits, and one that fails does not affect the others.
   */
  runMany(script: Script, variables: readonly JsonObject[], options?: ManyOptions): Promise<ScriptOutcome[]>
}

/** Settings that can be changed at run time. */
export interface ScriptEngineSettings {
  /** Absolute directories of script files; the first one with the file is used. */
  readonly directories: readonly string[]
  /** Whether changed files are reloaded. */
  readonly watch: boolean
  readonly limits: Limits
  readonly size: PoolSize
  /** Whether messages to callers contain file and line. */
  readonly showPlaces: boolean
}

export interface ScriptEngineOptions extends Partial<ScriptEngineSettings> {
  /** In-process access to resources on behalf of the caller in `context`. */
  readonly connect: (context: RequestContext) => Connection
  readonly secrets?: ScriptSecrets
  readonly server?: ServerProperties
  /** Receives the output of `console.log`. Default: standard output. */
  readonly print?: (line: string) => void
  readonly metrics?: MetricsRegistry | undefined
  readonly log: Logger
}

export const scriptsService: ServiceRef<ScriptService> = { id: 'scripts' }
