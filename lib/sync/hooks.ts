import type { Json, JsonObject } from '../contract.ts'
import type { ResourceException } from '../crest/errors.ts'
import { isObject } from '../util/json.ts'
import type { Hook, Mapping, Policy } from './mapping.ts'
import { runScript, type Scripts } from './scripts.ts'

/** The pair that hooks are told about. */
export interface HookFacts {
  readonly source: JsonObject | null
  readonly target: JsonObject | null
  readonly oldTarget: JsonObject | null
  readonly situation: string
  readonly action: string
  readonly linkQualifier: string
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly sourceAction: boolean
}

/** The scripts that a mapping has run around its actions (40-sync.md, section 5). */
export class Hooks {
  readonly #mapping: Mapping
  readonly #config: JsonObject
  readonly #scripts: Scripts
  readonly #reconId: string

  /** @param config the mapping as it is configured */
  constructor(mapping: Mapping, config: JsonObject, scripts: Scripts, reconId: string) {
    this.#mapping = mapping
    this.#config = config
    this.#scripts = scripts
    this.#reconId = reconId
  }

  has(hook: Hook): boolean {
    return this.#mapping[hook] !== undefined
  }

  /**
   * Runs a hook, if there is one.
   * @returns the target as the hook left it
   * @throws ResourceException what the script threw
   */
  async run(hook: Hook, facts: HookFacts, error?: ResourceException): Promise<JsonObject | null> {
    const script = this.#mapping[hook]
    if (!script) return facts.target
    const { sourceAction: _, action: _action, ...variables } = facts
    const failure: JsonObject = error ? { error: { ...error.toJSON() } as JsonObject } : {}
    const bindings = { ...variables, oldSource: null, mappingConfig: this.#config, ...failure }
    const result = await runScript(this.#scripts, script, bindings, ['target'])
    const target: Json = result.bindings.target ?? null
    return isObject(target) ? target : facts.target
  }

  /** Once, when a run begins. */
  async begin(): Promise<void> {
    if (this.#mapping.onRecon) await runScript(this.#scripts, this.#mapping.onRecon, { mappingConfig: this.#config })
  }

  /** Once, when a run ends. */
  async end(reconState: JsonObject): Promise<void> {
    const { result } = this.#mapping
    if (!result) return
    const { source = {}, target = {}, ...rest } = reconState
    const bindings = { source, target, global: rest, mappingConfig: this.#config, reconState }
    await runScript(this.#scripts, result, bindings)
  }

  async afterPolicy(policy: Policy, facts: HookFacts): Promise<void> {
    if (!policy.postAction) return
    const { source, target, action, sourceAction, linkQualifier, situation } = facts
    const bindings = { source, target, action, sourceAction, linkQualifier, reconId: this.#reconId, situation }
    await runScript(this.#scripts, policy.postAction, bindings)
  }
}
