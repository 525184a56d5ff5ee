import type { Json, JsonObject } from '../../contract.ts'
import { memberOf, setMember } from '../../core/json.ts'
import type { Script, ScriptService } from '../../script/main/engine.ts'
import { type HookCall, optionsOf, withNames } from '../scripts/call.ts'
import type { CompiledScript } from './scripts-managed-compiled.ts'

export const PROPERTY_HOOKS = ['onRetrieve', 'onStore', 'onValidate'] as const
export type PropertyHook = (typeof PROPERTY_HOOKS)[number]

interface PropertyScript {
  readonly hook: PropertyHook
  readonly property: string
  readonly script: Script
}

/** Property scripts of a type: `schema.properties.NAME.onRetrieve` and similar. */
export class PropertyScripts {
  readonly #service: ScriptService
  readonly #scripts: readonly PropertyScript[]

  constructor(service: ScriptService, compiled: readonly CompiledScript[]) {
    this.#service = service
    this.#scripts = compiled.flatMap(({ pointer: [where, , property = '', hook], script }) =>
      where === 'schema' ? [{ hook: hook as PropertyHook, property, script }] : [],
    )
  }

  has(hook: PropertyHook): boolean {
    return this.#scripts.some((own) => own.hook === hook)
  }

  /**
   * Runs a hook on copies of the objects. A property takes the result of its script unless that is null; `onValidate`
   * changes nothing.
   * @throws what a script throws
   */
  async run(hook: PropertyHook, objects: readonly JsonObject[], call: HookCall): Promise<JsonObject[]> {
    const results = objects.map((object) => ({ ...object }))
    for (const { property, script } of this.#scripts.filter((own) => own.hook === hook)) {
      const variables = results.map((object) => this.#variables(object, property, call))
      const outcomes = await this.#service.runMany(script, variables, optionsOf(call))
      for (const [index, outcome] of outcomes.entries()) {
        if ('error' in outcome) throw outcome.error
        const object = results[index]
        if (object && hook !== 'onValidate' && outcome.value !== null) setMember(object, property, outcome.value)
      }
    }
    return results
  }

  #variables(object: JsonObject, property: string, call: HookCall): JsonObject {
    const value: Json = memberOf(object, property) ?? null
    return withNames({ object, property: value, propertyName: property }, call)
  }
}
