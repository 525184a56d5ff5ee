import type { JsonObject } from '../../contract.ts'
import { contextVariable } from './context-variable.ts'
import type { GivenToRun } from './kept-numbers.ts'
import { requestVariable } from './request-variable.ts'
import type { ScriptDefinition } from './script.ts'
import type { ManyOptions } from './service.ts'

/** Generated in bulk: one by one they are slower than everything else here. */
const seeds = new Uint32Array(1024)
let nextSeedAt = seeds.length

function nextSeed(): number[] {
  if (nextSeedAt >= seeds.length) {
    crypto.getRandomValues(seeds)
    nextSeedAt = 0
  }
  nextSeedAt += 4
  return [...seeds.subarray(nextSeedAt - 4, nextSeedAt)]
}

/** What a run of a script is given. */
export function itemOf(
  { variables, bindings }: ScriptDefinition,
  own: JsonObject,
  { context, request, aliases, read }: ManyOptions,
): GivenToRun {
  return {
    seed: nextSeed(),
    variables: { ...variables, ...own, ...(context && { context: contextVariable(context) }) },
    ...(aliases && { aliases }),
    ...(request && { request: requestVariable(request) }),
    ...(bindings.length > 0 && { bindings }),
    ...(read && read.length > 0 && { read }),
  }
}
