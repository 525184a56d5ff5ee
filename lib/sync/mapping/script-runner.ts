import { type ResourceException, toResourceException } from '../../crest/errors.ts'
import type { Script as CompiledScript, ScriptOutcome, ScriptService } from '../../script/main/engine.ts'
import type { Script } from './condition.ts'
import type { ScriptBatch, ScriptResult, Scripts } from './scripts.ts'

/** A mapping's scripts in the sandbox: each is compiled once. */
export function scriptRunner(service: ScriptService): Scripts {
  const compiled = new WeakMap<Script, Promise<CompiledScript>>()
  const compile = (script: Script): Promise<CompiledScript> => {
    const known = compiled.get(script)
    if (known) return known
    const fresh = service.compile(script, 'mapping')
    compiled.set(script, fresh)
    // A script that does not compile may do so when its file was changed.
    fresh.catch(() => compiled.delete(script))
    return fresh
  }
  return { runMany: (batch) => runMany(service, compile, batch) }
}

async function runMany(
  service: ScriptService,
  compile: (script: Script) => Promise<CompiledScript>,
  { script, calls, modifies = [], parallel = 1 }: ScriptBatch,
): Promise<(ScriptResult | ResourceException)[]> {
  try {
    const variables = calls.map((call) => call.variables)
    const recorders = calls.flatMap(({ recorder }) => recorder ?? [])
    const options = { read: modifies, parallel, ...(recorders.length > 0 && { recorders }) }
    const outcomes = await service.runMany(await compile(script), variables, options)
    return outcomes.map(resultOf)
  } catch (error) {
    return calls.map(() => toResourceException(error))
  }
}

const resultOf = (outcome: ScriptOutcome): ScriptResult | ResourceException =>
  'error' in outcome ? outcome.error : { value: outcome.value, bindings: outcome.variables }
