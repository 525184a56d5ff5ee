import type { JsonObject } from '../../contract.ts'
import { conflict, internalError } from '../../crest/errors.ts'
import { parsePointer } from '../../crest/pointer.ts'
import { setAt } from '../../crest/protocol/write-at.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { Action } from '../action.ts'
import type { RunContext } from '../context/run-context.ts'
import { addCreated } from '../context/unsettled.ts'
import { desiredTargets } from '../evaluate/desired-targets.ts'
import { differences, hasEffect } from '../evaluate/difference.ts'
import { idOf } from '../read/object-set.ts'
import { Creator } from './creator.ts'
import { type Images, noteCreated, noteUpdated } from './images.ts'
import type { Intents } from './intents.ts'
import { Outdated } from './outdated.ts'
import { TargetWriter } from './target-writer.ts'
import { isUncertain } from './uncertain.ts'

export interface EffectsOptions {
  readonly context: RunContext
  /** undefined = a single action that no run stores. */
  readonly intents?: Intents | undefined
  readonly images?: Images | undefined
  /** The rows already contain what the hooks that change targets have made of them. */
  readonly isRehearsed: boolean
}

/** Executes an action on the target, and records the link changes in the row. */
export class Effects {
  readonly #context: RunContext
  readonly #isRehearsed: boolean
  readonly #writer: TargetWriter
  readonly #creator: Creator
  readonly #images: Images | undefined
  readonly #isSingle: boolean

  constructor({ context, isRehearsed, intents, images }: EffectsOptions) {
    this.#context = context
    this.#isRehearsed = isRehearsed
    this.#images = images
    this.#isSingle = intents === undefined
    this.#writer = new TargetWriter(context)
    this.#creator = new Creator(context, intents)
  }

  /**
   * @returns the target as it is afterwards
   * @throws ResourceException; Outdated when the target has changed since it was compared
   */
  async execute(action: Action, row: Row): Promise<JsonObject | null> {
    switch (action) {
      case 'CREATE':
        return this.#create(row)
      case 'UPDATE':
        return this.#update(row)
      case 'DELETE':
        return this.#delete(row)
      case 'LINK':
        await this.#link(row, row.targetId ?? '', row.target)
        return row.target
      case 'UNLINK':
        await this.#unlink(row)
        return row.target
      default:
        return row.target
    }
  }

  async #create(row: Row): Promise<JsonObject> {
    const { sentValues, agreements, statistics, relationships } = this.#context
    const desired = await this.#desired(row)
    const relations = row.undo ? [] : await relationships.additions(row)
    const content = { ...desired }
    // The former id is chosen, and given up where the target refuses it.
    if (row.undo) delete content._id
    else await this.#checkLink(row)
    for (const { field, to } of relations.filter((one) => !this.#writer.isPaged(one)))
      setAt(content, parsePointer(field), to)
    const created = await this.#creator.create(row, content)
    row.targetId = idOf(created)
    const late = this.#creator.isFound(created) ? differences(created, desired).filter(hasEffect) : []
    if (late.length > 0) await this.#writer.update(created, late)
    noteCreated(row, content, created)
    const paged = relations.filter((one) => this.#writer.isPaged(one))
    if (paged.length > 0) await this.#writer.update(created, paged)
    statistics.created += 1
    const sent = differences({}, desired)
    await sentValues.note(row, row.targetId, sent, created)
    if (!row.undo) await agreements.note(row, row.targetId, sent, created)
    await this.#link(row, row.targetId, created)
    return created
  }

  /**
   * Nothing is created twice: a hook, or another change of the source, may have led to a target meanwhile, and a change of the
   * mapping in the other direction to the source.
   * @throws Outdated when the link of the source is another than it was; conflict when such a change is about to link it
   */
  async #checkLink(row: Row): Promise<void> {
    const { sourceId, link, qualifier } = row
    const { links, unsettled } = this.#context
    if (sourceId === null || !links.enabled) return
    // Without implicit synchronization, nothing but its own rows links the sources of a run.
    if (!this.#isSingle && !this.#context.isTouched(sourceId) && links.opposites.length === 0) return
    // Before the link: a change that has ended meanwhile has stored it.
    await addCreated(this.#context)
    const found = await links.bySources([links.sourceKey(sourceId)])
    const now = found.find((one) => one.qualifier === qualifier)
    if (now?.targetKey !== link?.targetKey) throw new Outdated('The source has been linked')
    const fault = unsettled.fault(row)
    if (fault !== undefined) throw conflict(fault)
  }

  async #update(row: Row): Promise<JsonObject> {
    const { hooks, sentValues, agreements, statistics } = this.#context
    const target = row.target ?? {}
    if (row.changes === null || (hooks.makeTargets && !this.#isRehearsed)) {
      const edges = (row.changes ?? []).filter((change) => change.edges)
      const desired = await this.#desired(row)
      row.changes = differences(target, desired)
      await sentValues.review([row])
      await agreements.review([{ row, mapped: desired }], true)
      if (row.failure) throw conflict(row.reason)
      row.changes = [...row.changes, ...edges]
    }
    const changes = (row.changes ?? []).filter(hasEffect)
    const fields = changes.filter(({ edges }) => !edges)
    await this.#images?.check(row)
    await agreements.expect(row, fields)
    const answer = changes.length > 0 ? await this.#send(row, changes) : target
    row.targetId = idOf(answer)
    if (changes.length > 0) noteUpdated(row, fields, answer)
    statistics[changes.length > 0 ? 'updated' : 'unchanged'] += 1
    if (fields.length > 0) await sentValues.note(row, row.targetId, fields, answer)
    if (row.undo) await agreements.undone(row, fields, answer, this.#context)
    else if (fields.length > 0 || row.link === null) await agreements.note(row, row.targetId, fields, answer)
    if (row.link === null) await sentValues.adopt(row, row.targetId)
    const after = { ...target, ...answer }
    await this.#link(row, row.targetId, after)
    return after
  }

  async #send(row: Row, changes: readonly FieldChange[]): Promise<JsonObject> {
    try {
      return await this.#writer.update(row.target ?? {}, changes)
    } catch (error) {
      if (!isUncertain(error)) await this.#context.agreements.withdraw(row)
      throw error
    }
  }

  async #delete(row: Row): Promise<JsonObject | null> {
    const { hooks, statistics } = this.#context
    if (row.ambiguous) throw conflict('DELETE needs one target object, and several correlate')
    const takeBack = row.target ? await this.#context.admitDeletion() : undefined
    try {
      await hooks.run('onDelete', row)
      if (row.target) {
        await this.#images?.check(row)
        await this.#deleteTarget(row, row.target)
        row.after = {}
        statistics.deleted += 1
      }
    } catch (error) {
      await takeBack?.()
      throw error
    }
    await this.#unlink(row)
    return row.target
  }

  /** A change with a stored event notes it before: after a crash, that tells whose the deletion was. */
  async #deleteTarget({ qualifier }: Row, target: JsonObject): Promise<void> {
    const intents = this.#context.parts.live?.intents
    await intents?.note(qualifier, { kind: 'write', id: idOf(target) })
    try {
      await this.#writer.delete(target)
    } catch (error) {
      if (!isUncertain(error)) await intents?.note(qualifier, undefined)
      throw error
    }
  }

  async #desired(row: Row): Promise<JsonObject> {
    if (row.mapped && this.#isRehearsed) return row.mapped
    const [desired] = await desiredTargets(this.#context, [{ row, mapped: row.mapped }])
    if (!desired || desired instanceof Error) throw desired ?? internalError('Nothing was mapped')
    return desired
  }

  async #link(row: Row, targetId: string, target: JsonObject | null): Promise<void> {
    const { links, hooks, sentValues } = this.#context
    const { link, sourceId } = row
    if (row.undo) return this.#relink(row, targetId)
    const isLinked = link !== null && link.targetKey === links.targetKey(targetId)
    if (!links.enabled || isLinked || sourceId === null) return
    if (row.action === 'LINK') await sentValues.adopt(row, targetId)
    await hooks.run('onLink', row, { target, targetId })
    row.newLink = links.between(sourceId, targetId, row.qualifier)
    row.removedLinks = link ? [link.id] : []
  }

  /** Puts the link in the place of the present one that was there before the run that is undone. */
  async #relink(row: Row, targetId: string | null): Promise<void> {
    const { links, sentValues } = this.#context
    const [own, earlier] = [row.link, row.undo?.link]
    if (own) {
      row.removedLinks = [own.id]
      await sentValues.forget(row, own.targetKey)
    }
    if (earlier) row.newLink = links.between(earlier.sourceKey, earlier.targetKey ?? targetId ?? '', row.qualifier)
  }

  async #unlink(row: Row): Promise<void> {
    const { hooks, sentValues } = this.#context
    if (row.undo) return this.#relink(row, row.targetId)
    if (!row.link) return
    await hooks.run('onUnlink', row)
    row.removedLinks = [row.link.id]
    await sentValues.forget(row, row.link.targetKey)
  }
}
