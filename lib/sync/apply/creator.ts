import type { JsonObject } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { idIn } from '../evaluate/desired-targets.ts'
import { idOf } from '../read/object-set.ts'
import type { Intents } from './intents.ts'
import { holds } from './settlement.ts'
import { isRefusal, isUncertain } from './uncertain.ts'

/**
 * Creates targets, each once: its id is chosen before, so that a request whose answer is lost can be sent again. Where the
 * target chooses ids itself, the intent says so before the request.
 */
export class Creator {
  readonly #context: Pick<RunContext, 'targets' | 'links' | 'clientIds'>
  readonly #intents: Intents | undefined
  readonly #probes = new SerialQueue()

  /** @param intents undefined = a single action that no run stores */
  constructor(context: Pick<RunContext, 'targets' | 'links' | 'clientIds'>, intents: Intents | undefined) {
    this.#context = context
    this.#intents = intents
  }

  /**
   * @returns the object in the answer of the target, with the id that it has there
   * @throws ResourceException; the intent of the row remains where the object may have been created all the same
   */
  async create(row: Row, content: JsonObject): Promise<JsonObject> {
    const intents = this.#intents
    const id = idIn(content)
    if (!intents) return this.#context.targets.create(id, content)
    const created = await this.#created(intents, row, content, id)
    // The link may still fail: then the next run finds the object by its id.
    row.intent = { kind: 'id', id: idOf(created) }
    return created
  }

  #created(intents: Intents, row: Row, content: JsonObject, id: string | null): Promise<JsonObject> {
    if (id !== null) return this.#put(row, id, content, (there) => isOfMapping(row, id) && holds(there, content))
    // Until one answer tells whether ids are kept, at most one creation is under way.
    if (this.#context.clientIds.areKept === undefined) return this.#probes.add(() => this.#own(intents, row, content))
    return this.#own(intents, row, content)
  }

  async #own(intents: Intents, row: Row, content: JsonObject): Promise<JsonObject> {
    const { clientIds, links } = this.#context
    const kind = row.intent?.kind === 'scripts' ? 'scripts' : 'assigned'
    if (clientIds.areKept === false) return this.#post(intents, row, content, kind)
    const id = row.intent?.id ?? intents.chosenId(row)
    if (row.intent?.id !== id) await intents.note(row, { kind: row.intent?.kind ?? 'id', id })
    try {
      const created = await this.#put(row, id, content, () => true)
      clientIds.areKept = links.targetKey(idOf(created)) === links.targetKey(id)
      return created
    } catch (error) {
      if (clientIds.areKept !== undefined || !isRefusal(error)) throw error
      const created = await this.#post(intents, row, content, kind)
      clientIds.areKept = false
      return created
    }
  }

  /** @param isOurs whether an object that has the id already is the one that is to be created */
  async #put(row: Row, id: string, content: JsonObject, isOurs: (there: JsonObject) => boolean): Promise<JsonObject> {
    const { targets, clientIds } = this.#context
    try {
      return await targets.create(id, content)
    } catch (error) {
      const mayExist = isUncertain(error) || isExisting(error) || (clientIds.areKept === undefined && isRefusal(error))
      const there = mayExist ? await targets.read(id, 'targetObjectQuery').catch(() => null) : null
      if (there && isOurs(there)) return there
      if (!isUncertain(error)) row.intent = null
      throw error
    }
  }

  async #post(intents: Intents, row: Row, content: JsonObject, kind: 'assigned' | 'scripts'): Promise<JsonObject> {
    if (row.intent?.kind !== kind || row.intent.id !== null) await intents.note(row, { kind, id: null })
    try {
      return await this.#context.targets.create(null, content)
    } catch (error) {
      if (!isUncertain(error)) row.intent = null
      throw error
    }
  }
}

const isOfMapping = ({ intent }: Row, id: string): boolean => intent?.kind === 'mapped' && intent.id === id

const isExisting = (error: unknown): boolean => error instanceof ResourceException && error.code === 412
