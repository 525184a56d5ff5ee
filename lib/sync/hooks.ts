import type { Json, JsonObject } from '../contract.ts'
import type { Row } from '../repo/run-rows.ts'
import { isObject } from '../util/json.ts'
import type { Hook, Mapping, Policy } from './mapping.ts'
import { runScript, type Scripts } from './scripts.ts'

/** What a hook sees in place of what the row has. */
export interface HookVariables {
  readonly target?: JsonObject | null
  readonly oldTarget?: JsonObject | null
  readonly targetId?: string | null
  readonly error?: JsonObject
}

/** The scripts that a mapping runs around its actions. */
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
  async run(hook: Hook, row: Row, variables: HookVariables = {}): Promise<JsonObject | null> {
    const { source, target, situation, qualifier: linkQualifier, sourceId, targetId } = row
    const facts = { source, target, oldTarget: target, situation, linkQualifier, sourceId, targetId, ...variables }
    const script = this.#mapping[hook]
    if (!script) return facts.target
    const bindings = { ...facts, oldSource: null, mappingConfig: this.#config }
    const result = await runScript(this.#scripts, script, bindings, ['target'])
    const left: Json = result.bindings.target ?? null
    return isObject(left) ? left : facts.target
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

  async afterPolicy({ postAction }: Policy, row: Row, target: JsonObject | null): Promise<void> {
    if (!postAction) return
    const { source, action, phase, qualifier: linkQualifier, situation } = row
    const sourceAction = phase === 'source'
    const bindings = { source, target, action, sourceAction, linkQualifier, reconId: this.#reconId, situation }
    await runScript(this.#scripts, postAction, bindings)
  }
}
