import type { JsonObject } from '../contract.ts'
import { conflict, internalError, ResourceException } from '../crest/errors.ts'
import type { NewLink } from '../repo/link-store.ts'
import type { NewRow } from '../repo/run-rows.ts'
import type { Action } from './action.ts'
import { differences } from './difference.ts'
import type { HookFacts, Hooks } from './hooks.ts'
import type { LinkSpace } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import type { Mapping } from './mapping.ts'
import { idOf, type ObjectSet, revisionOf } from './object-set.ts'
import { patchOperations } from './patch-operations.ts'
import { PlainProperties } from './plain-properties.ts'
import { ontoTarget, type Work } from './plan-row.ts'
import type { Scripts } from './scripts.ts'

export interface EffectParts {
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly hooks: Hooks
  readonly targets: ObjectSet
}

/** What an action did. */
export interface Effect {
  readonly targetId: string | null
  readonly target: JsonObject | null
  readonly link: NewLink | null
  readonly unlink: readonly string[]
  /** What is counted. */
  readonly counts?: 'created' | 'updated' | 'unchanged' | 'deleted'
}

/** Has actions take effect at the target; links are added and removed by whoever keeps them. */
export class Effects {
  readonly #parts: EffectParts
  readonly #plain: PlainProperties | undefined

  constructor(parts: EffectParts) {
    this.#parts = parts
    this.#plain = PlainProperties.of(parts.mapping)
  }

  /** @throws ResourceException why it could not be done */
  async of(action: Action, row: NewRow, work: Work, facts: HookFacts): Promise<Effect> {
    switch (action) {
      case 'CREATE':
        return this.#create(row, work, facts)
      case 'UPDATE':
        return this.#update(row, work, facts)
      case 'DELETE':
        return this.#delete(row, work, facts)
      case 'LINK':
        return { ...same(row, work), ...(await this.#link(row, work, facts, row.targetId ?? '')) }
      case 'UNLINK':
        return { ...same(row, work), ...(await this.#unlink(work, facts)) }
      default:
        return same(row, work)
    }
  }

  async #create(row: NewRow, work: Work, facts: HookFacts): Promise<Effect> {
    const content = await this.#mapped('onCreate', work, { ...facts, oldTarget: null })
    const created = await this.#parts.targets.create(idIn(content), content)
    const targetId = idOf(created)
    const linking = await this.#link(row, work, { ...facts, target: created, targetId }, targetId)
    return { targetId, target: created, ...linking, counts: 'created' }
  }

  async #update(row: NewRow, work: Work, facts: HookFacts): Promise<Effect> {
    const target = work.target ?? {}
    const content = await this.#mapped('onUpdate', work, facts)
    const targetId = idOf(target)
    const wanted = idIn(content)
    if (wanted !== null && wanted !== targetId) throw conflict('The mapping would give the target another _id')
    const changed = differences(target, content).length > 0
    if (changed) await this.#write(targetId, target, content)
    const linking = await this.#link(row, work, { ...facts, target: content, targetId }, targetId)
    return { targetId, target: { _id: targetId, ...content }, ...linking, counts: changed ? 'updated' : 'unchanged' }
  }

  /** Where the mapping asks for some fields only, the others are not to be lost: what it does not see it does not replace. */
  async #write(id: string, target: JsonObject, content: JsonObject): Promise<void> {
    const { mapping, targets } = this.#parts
    const isPartial = mapping.defaultTargetFields !== undefined || mapping.targetQuery?.params._fields !== undefined
    if (isPartial) await targets.patch(id, revisionOf(target), patchOperations(target, content))
    else await targets.update(id, revisionOf(target), content)
  }

  async #delete(row: NewRow, work: Work, facts: HookFacts): Promise<Effect> {
    if (row.ambiguous) throw conflict('DELETE needs one target object, and several correlate')
    const { hooks, targets } = this.#parts
    await hooks.run('onDelete', facts)
    if (work.target) await targets.delete(idOf(work.target), revisionOf(work.target))
    const unlinking = await this.#unlink(work, facts)
    return { ...same(row, work), ...unlinking, ...(work.target ? { counts: 'deleted' as const } : {}) }
  }

  /** The target as properties and hooks make it, on top of what the plan has. */
  async #mapped(hook: 'onCreate' | 'onUpdate', work: Work, facts: HookFacts): Promise<JsonObject> {
    const { hooks } = this.#parts
    const onto = hook === 'onUpdate' ? ontoTarget(work.target) : {}
    let target = work.mapped
    if (hooks.has('onMapping') || target === null) {
      const prepared = hooks.has('onMapping') ? await hooks.run('onMapping', { ...facts, target: onto }) : onto
      target = await this.#map(work.source ?? {}, prepared ?? onto, facts.linkQualifier)
    }
    return hooks.has(hook) ? ((await hooks.run(hook, { ...facts, target })) ?? target) : target
  }

  async #map(source: JsonObject, onto: JsonObject, linkQualifier: string): Promise<JsonObject> {
    const { mapping, scripts } = this.#parts
    const [mapped] = this.#plain
      ? [this.#plain.map(source, onto)]
      : await mapProperties(mapping.properties, [{ source, onto, linkQualifier }], scripts)
    if (mapped === undefined || mapped instanceof ResourceException) throw mapped ?? internalError('Nothing was mapped')
    return mapped
  }

  async #link(row: NewRow, work: Work, facts: HookFacts, targetId: string): Promise<Pick<Effect, 'link' | 'unlink'>> {
    const { links, hooks } = this.#parts
    const isLinked = work.link !== null && work.link.targetKey === links.targetKey(targetId)
    if (!links.enabled || isLinked || row.sourceId === null) return { link: null, unlink: [] }
    if (hooks.has('onLink')) await hooks.run('onLink', facts)
    return { link: links.between(row.sourceId, targetId, row.qualifier), unlink: work.link ? [work.link.id] : [] }
  }

  async #unlink(work: Work, facts: HookFacts): Promise<Pick<Effect, 'link' | 'unlink'>> {
    if (!work.link) return { link: null, unlink: [] }
    await this.#parts.hooks.run('onUnlink', facts)
    return { link: null, unlink: [work.link.id] }
  }
}

const same = (row: NewRow, { target }: Work): Effect => ({ targetId: row.targetId, target, link: null, unlink: [] })

const idIn = ({ _id: id }: JsonObject): string | null => (typeof id === 'string' && id !== '' ? id : null)
