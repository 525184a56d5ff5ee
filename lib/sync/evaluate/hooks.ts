import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { Hook, Mapping, Policy } from '../mapping/mapping.ts'
import { runScript, type Scripts } from '../mapping/scripts.ts'

/** Variables of a hook that differ from the row. */
export interface HookVariables {
  readonly target?: JsonObject | null
  readonly oldTarget?: JsonObject | null
  readonly targetId?: string | null
  readonly error?: JsonObject
}

/** One run of a hook. */
export interface HookCall {
  readonly row: Row
  readonly variables?: HookVariables
  /** Records the writes of the hook; undefined = they are executed. */
  readonly recorder?: WriteRecorder | undefined
}

/** As at the vendor, they do not see the source as it was. */
const LINK_HOOKS: ReadonlySet<Hook> = new Set(['onLink', 'onUnlink'])

/** The hooks of a mapping. */
export class Hooks {
  readonly #mapping: Mapping
  readonly #config: JsonObject
  readonly #scripts: Scripts
  readonly #reconId: string
  readonly #oldSource: JsonObject | null

  /**
   * @param config the mapping as it is configured
   * @param oldSource the source before the change that is carried over; null = none, or not known
   */
  constructor(
    mapping: Mapping,
    config: JsonObject,
    scripts: Scripts,
    reconId: string,
    oldSource: JsonObject | null = null,
  ) {
    this.#mapping = mapping
    this.#config = config
    this.#scripts = scripts
    this.#reconId = reconId
    this.#oldSource = oldSource
  }

  has(hook: Hook): boolean {
    return this.#mapping[hook] !== undefined
  }

  /** Whether hooks take part in making targets. */
  get makeTargets(): boolean {
    return this.has('onMapping') || this.has('onCreate') || this.has('onUpdate')
  }

  /**
   * Runs a hook, if there is one.
   * @throws ResourceException what the script threw
   */
  async run(hook: Hook, row: Row, variables: HookVariables = {}): Promise<void> {
    const [left] = await this.runMany(hook, [{ row, variables }])
    if (left instanceof ResourceException) throw left
  }

  /** @returns for each call the target as the hook left it, or the error of the script */
  async runMany(hook: Hook, calls: readonly HookCall[]): Promise<(JsonObject | null | ResourceException)[]> {
    const script = this.#mapping[hook]
    const oldSource = LINK_HOOKS.has(hook) ? null : this.#oldSource
    const all = calls.map(({ row, variables, recorder }) => {
      const { source, target, situation, qualifier: linkQualifier, sourceId, targetId } = row
      const facts = { source, target, oldTarget: target, situation, linkQualifier, sourceId, targetId, ...variables }
      return { variables: { ...facts, oldSource, mappingConfig: this.#config }, recorder }
    })
    if (!script || all.length === 0) return all.map(({ variables }) => variables.target)
    const results = await this.#scripts.runMany({ script, calls: all, modifies: ['target'] })
    return results.map((result, index) => {
      if (result instanceof ResourceException) return result
      const left: Json = result.bindings.target ?? null
      return isObject(left) ? left : (all[index]?.variables.target ?? null)
    })
  }

  /**
   * Runs `onRecon` when a run starts.
   * @param recorder see ScriptCall
   */
  async begin(recorder: WriteRecorder | undefined): Promise<void> {
    const { onRecon } = this.#mapping
    if (onRecon) await runScript(this.#scripts, onRecon, { mappingConfig: this.#config }, recorder)
  }

  /** Runs `result` when a run ends. */
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
