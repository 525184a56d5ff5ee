import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Script, ScriptService } from '../../script/main/engine.ts'
import { type HookCall, optionsOf, withNames } from '../scripts/call.ts'
import type { CompiledScript } from './scripts-managed-compiled.ts'
import { PropertyScripts } from './scripts-managed-properties.ts'

/** Hooks of a type in `managed.json`. */
export const MANAGED_HOOKS = [
  'onCreate',
  'postCreate',
  'onUpdate',
  'postUpdate',
  'onRead',
  'onRetrieve',
  'onDelete',
  'postDelete',
  'onValidate',
  'onStore',
  'onSync',
] as const
export type ManagedHook = (typeof MANAGED_HOOKS)[number]

/** Aliases of the variable `object`, by hook. */
const ALIASES: Readonly<Partial<Record<ManagedHook, Readonly<Record<string, string>>>>> = {
  onCreate: { newObject: 'object' },
  postCreate: { newObject: 'object' },
  onUpdate: { newObject: 'object' },
  postUpdate: { newObject: 'object' },
  onValidate: { value: 'object' },
  onStore: { value: 'object' },
}

/** The scripts of one managed type. */
export class ManagedScripts {
  readonly #service: ScriptService
  readonly #hooks: ReadonlyMap<ManagedHook, Script>
  readonly #actions: ReadonlyMap<string, Script>
  /** Property scripts. */
  readonly properties: PropertyScripts

  constructor(service: ScriptService, compiled: readonly CompiledScript[]) {
    this.#service = service
    this.#hooks = new Map(
      compiled.flatMap(({ pointer: [hook, ...more], script }) =>
        more.length === 0 ? [[hook as ManagedHook, script] as const] : [],
      ),
    )
    this.#actions = new Map(
      compiled.flatMap(({ pointer: [where, name = ''], script }) =>
        where === 'actions' ? [[name, script] as const] : [],
      ),
    )
    this.properties = new PropertyScripts(service, compiled)
  }

  has(hook: ManagedHook): boolean {
    return this.#hooks.has(hook)
  }

  /** Whether a hook transforms objects on read. */
  get retrieves(): boolean {
    return this.has('onRetrieve') || this.properties.has('onRetrieve')
  }

  /** Applies `onRetrieve`: of properties first, then of the object. */
  async retrieve(objects: readonly JsonObject[], call: HookCall): Promise<JsonObject[]> {
    return this.runMany('onRetrieve', await this.properties.run('onRetrieve', objects, call), call)
  }

  /**
   * Validates and transforms an object to be stored: scripts of properties run first. @throws what `onValidate` throws
   */
  async prepare(object: JsonObject, call: HookCall): Promise<JsonObject> {
    let prepared = object
    for (const hook of ['onValidate', 'onStore'] as const) {
      const [changed = prepared] = await this.properties.run(hook, [prepared], call)
      prepared = await this.run(hook, { object: changed }, call)
    }
    return prepared
  }

  /** @returns `object` after the hook; unchanged without such a hook */
  async run(
    hook: ManagedHook,
    variables: { readonly object: JsonObject } & JsonObject,
    call: HookCall,
  ): Promise<JsonObject> {
    const script = this.#hooks.get(hook)
    return script ? this.#object(script, variables, call, ALIASES[hook]) : variables.object
  }

  /** For hooks that have no `object`. */
  async notify(hook: ManagedHook, variables: JsonObject, call: HookCall): Promise<void> {
    const script = this.#hooks.get(hook)
    if (script) await this.#service.run(script, withNames(variables, call), optionsOf(call))
  }

  /** Runs a hook on many objects in one call to the worker. */
  async runMany(hook: ManagedHook, objects: readonly JsonObject[], call: HookCall): Promise<JsonObject[]> {
    const script = this.#hooks.get(hook)
    if (!script) return [...objects]
    const variables = objects.map((object) => withNames({ object }, call))
    const outcomes = await this.#service.runMany(script, variables, { ...optionsOf(call), read: ['object'] })
    return outcomes.map((outcome, index) => {
      if ('error' in outcome) throw outcome.error
      return objectOr(outcome.variables.object, objects[index] ?? {})
    })
  }

  /** @returns the object after the script; undefined for an unknown action */
  async action(name: string, object: JsonObject, call: HookCall): Promise<JsonObject | undefined> {
    const script = this.#actions.get(name)
    return script && this.#object(script, { object }, call)
  }

  hasAction(name: string): boolean {
    return this.#actions.has(name)
  }

  async #object(
    script: Script,
    variables: { readonly object: JsonObject } & JsonObject,
    call: HookCall,
    aliases?: Readonly<Record<string, string>>,
  ): Promise<JsonObject> {
    const options = { ...optionsOf(call), ...(aliases && { aliases }) }
    const result = await this.#service.runAndRead(script, withNames(variables, call), ['object'], options)
    return objectOr(result.variables.object, variables.object)
  }
}

const objectOr = (value: Json | undefined, otherwise: JsonObject): JsonObject => (isObject(value) ? value : otherwise)
