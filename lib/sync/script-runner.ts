import { type ResourceException, toResourceException } from '../crest/errors.ts'
import type { Script as CompiledScript, ScriptOutcome, ScriptService } from '../script/engine.ts'
import { pieces } from './ahead.ts'
import type { Script } from './condition.ts'
import type { ScriptBatch, ScriptResult, Scripts } from './scripts.ts'

/** So many runs cross over at a time: they share the limits of one. */
const MOST_CALLS = 250

/** A mapping's scripts in the sandbox: each is compiled once, and the runs of a batch go there together. */
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
  { script, calls, modifies = [] }: ScriptBatch,
): Promise<(ScriptResult | ResourceException)[]> {
  const results: (ScriptResult | ResourceException)[] = []
  for (const some of pieces(calls, MOST_CALLS)) {
    try {
      const outcomes = await service.runMany(await compile(script), some, { read: modifies })
      results.push(...outcomes.map(resultOf))
    } catch (error) {
      results.push(...some.map(() => toResourceException(error)))
    }
  }
  return results
}

const resultOf = (outcome: ScriptOutcome): ScriptResult | ResourceException =>
  'error' in outcome ? outcome.error : { value: outcome.value, bindings: outcome.variables }
