import type { Json, JsonObject } from '../../contract.ts'
import { ResourceException, serviceUnavailable, toResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { Script as CompiledScript, ScriptOutcome, ScriptService } from '../../script/main/engine.ts'
import type { Script } from './condition.ts'

/** The result of one run of a script. */
export interface ScriptResult {
  /** The value of its last statement; null for `undefined`. */
  readonly value: Json
  /** The requested variables as the script left them. */
  readonly bindings: JsonObject
}

/** One run of a script. */
export interface ScriptCall {
  readonly variables: JsonObject
  /** Records the writes of the script; undefined = they are executed. */
  readonly recorder?: WriteRecorder | undefined
}

export interface ScriptBatch {
  readonly script: Script
  readonly calls: readonly ScriptCall[]
  /** Variables that the caller wants back as the script leaves them. */
  readonly modifies?: readonly string[]
  /** Max concurrent runs: `taskThreads` of the mapping. Default: 1. */
  readonly parallel?: number
}

/** Runs scripts. The runs of a batch are independent: one that throws has a ResourceException as its result. */
export interface Scripts {
  runMany(batch: ScriptBatch): Promise<readonly (ScriptResult | ResourceException)[]>
}

/** For a host without scripts. */
export const noScripts: ScriptRunner = {
  within: () => noScripts,
  runMany: async ({ calls }) =>
    calls.map(() => serviceUnavailable('This gateway runs no scripts: the mapping cannot be applied')),
}

/** @throws what the script threw */
export async function runScript(
  scripts: Scripts,
  script: Script,
  variables: JsonObject,
  recorder?: WriteRecorder,
): Promise<ScriptResult> {
  const [result] = await scripts.runMany({ script, calls: [{ variables, recorder }] })
  if (!result) throw serviceUnavailable('The script did not run')
  if (result instanceof ResourceException) throw result
  return result
}

/** Scripts that can be run on behalf of a caller. */
export interface ScriptRunner extends Scripts {
  /** @param caller for the variable `context` and the `openidm` functions */
  within(caller: RequestContext): Scripts
}

/** Runs the scripts of mappings in the sandbox; each is compiled once. */
export function scriptRunner(service: ScriptService): ScriptRunner {
  const compiled = new WeakMap<Script, Promise<CompiledScript>>()
  const compile = (script: Script): Promise<CompiledScript> => {
    const known = compiled.get(script)
    if (known) return known
    const fresh = service.compile(script, 'mapping')
    compiled.set(script, fresh)
    // It may compile after its file has been changed.
    fresh.catch(() => compiled.delete(script))
    return fresh
  }
  const within = (caller?: RequestContext): Scripts => ({
    runMany: (batch) => runMany(service, compile, batch, caller),
  })
  return { ...within(), within }
}

async function runMany(
  service: ScriptService,
  compile: (script: Script) => Promise<CompiledScript>,
  { script, calls, modifies = [], parallel = 1 }: ScriptBatch,
  context?: RequestContext,
): Promise<(ScriptResult | ResourceException)[]> {
  try {
    const variables = calls.map((call) => call.variables)
    const recorders = calls.flatMap(({ recorder }) => recorder ?? [])
    const options = {
      read: modifies,
      parallel,
      ...(context && { context }),
      ...(recorders.length > 0 && { recorders }),
    }
    const outcomes = await service.runMany(await compile(script), variables, options)
    return outcomes.map(resultOf)
  } catch (error) {
    return calls.map(() => toResourceException(error))
  }
}

const resultOf = (outcome: ScriptOutcome): ScriptResult | ResourceException =>
  'error' in outcome ? outcome.error : { value: outcome.value, bindings: outcome.variables }
