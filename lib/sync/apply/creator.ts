import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { ResourceException } from '../../crest/errors.ts'
import { printPointer } from '../../crest/pointer.ts'
import { type Intent, isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { idIn } from '../evaluate/desired-targets.ts'
import { idOf } from '../read/object-set.ts'
import { edgesOf } from '../relationships/edges.ts'
import type { Intents } from './intents.ts'
import { holds } from './settlement.ts'
import { isRefusal, isUncertain, UnknownOutcome } from './uncertain.ts'

type CreatorContext = Pick<RunContext, 'targets' | 'links' | 'clientIds' | 'statistics' | 'parts'>

/**
 * Creates targets, each once: its id is chosen before, so that a request whose answer is lost can be sent again. Where the
 * target chooses ids itself, the intent says so before the request.
 */
export class Creator {
  readonly #context: CreatorContext
  readonly #intents: Intents | undefined
  readonly #probes = new SerialQueue()
  #found: JsonObject | undefined

  /** @param intents undefined = a single action that no run stores */
  constructor(context: CreatorContext, intents: Intents | undefined) {
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
    if (!intents) return this.#single(row, content, id)
    const work = () => (row.undo ? this.#again(intents, row, content) : this.#once(intents, row, content, id))
    // Until one answer tells whether ids are kept, at most one creation is under way.
    const created = await (this.#context.clientIds.areKept === undefined ? this.#probes.add(work) : work())
    // The link may still fail: then the next run finds the object by its id.
    row.intent = { kind: 'id', id: idOf(created) }
    return created
  }

  /**
   * Without a run. A queued change notes the id first: when it is carried out again, an object with that id is its own.
   * Where the target refuses ids, a crash between answer and link leaves an object that nothing tells of.
   */
  async #single({ qualifier }: Row, content: JsonObject, mapped: string | null): Promise<JsonObject> {
    const { targets, parts } = this.#context
    const creations = parts.live?.creations
    if (!creations) return targets.create(mapped, content)
    const known = creations.known(qualifier)
    const id = mapped ?? known ?? randomUUID()
    const isTaken = mapped !== null && known !== id && (await targets.read(id, 'targetObjectQuery')) !== null
    if (known !== id && !isTaken) await creations.note(qualifier, id)
    try {
      return await targets.create(id, content)
    } catch (error) {
      if (isExisting(error) && !isTaken) {
        const there = await targets.read(id, 'targetObjectQuery')
        this.#found = there ?? undefined
        if (there) return there
      }
      if (mapped !== null || !isRefusal(error)) throw error
      return targets.create(null, content)
    }
  }

  /** Whether an object was there already: an earlier attempt of the same change has created it, perhaps otherwise. */
  isFound(created: JsonObject): boolean {
    return this.#found === created
  }

  /** The target may refuse references, to objects that are gone too: then the object comes back without them. */
  async #again(intents: Intents, row: Row, content: JsonObject): Promise<JsonObject> {
    const { statistics, links } = this.#context
    const note = (created: JsonObject): JsonObject => {
      const former = links.targetKey(idIn(row.mapped ?? {}) ?? '')
      if (links.targetKey(idOf(created)) !== former) statistics.field('cannotComeBack', '/_id')
      return created
    }
    try {
      return note(await this.#once(intents, row, content, null))
    } catch (error) {
      const references = Object.keys(content).filter((name) => (edgesOf(content[name]) ?? []).length > 0)
      if (references.length === 0 || !isRefusal(error)) throw error
      const rest = Object.entries(content).filter(([name]) => !references.includes(name))
      const created = await this.#once(intents, row, Object.fromEntries(rest), null)
      for (const name of references) statistics.field('cannotComeBack', printPointer([name]))
      return note(created)
    }
  }

  #once(intents: Intents, row: Row, content: JsonObject, mapped: string | null): Promise<JsonObject> {
    const { clientIds } = this.#context
    if (intents.earlierProbe(row) && !clientIds.mayRepeat) throw new UnknownOutcome()
    if (mapped !== null) return this.#createMapped(intents, row, content, mapped)
    return clientIds.areKept === false ? this.#post(intents, row, content) : this.#own(intents, row, content)
  }

  async #own(intents: Intents, row: Row, content: JsonObject): Promise<JsonObject> {
    const { clientIds } = this.#context
    const isFirst = clientIds.areKept === undefined
    const id = (row.intent?.kind === 'scripts' ? row.intent.id : null) ?? intents.chosenId(row)
    await this.#note(intents, row, { kind: isFirst ? 'probe' : 'id', id })
    try {
      // A former id may be taken meanwhile.
      return await this.#put(row, id, content, (there) => !row.undo || holds(there, content))
    } catch (error) {
      if (!isFirst || !isRefusal(error)) throw error
      const created = await this.#post(intents, row, content)
      clientIds.areKept = false
      return created
    }
  }

  /** With the id of the mapping, or of a hook: an object that had it before is another's. */
  async #createMapped(intents: Intents, row: Row, content: JsonObject, id: string): Promise<JsonObject> {
    const { targets, clientIds } = this.#context
    if (clientIds.areKept === false) return this.#post(intents, row, content)
    const isOther = row.intent?.id !== id
    const there = isOther ? await targets.read(id, 'targetObjectQuery').catch(() => undefined) : null
    const isTaken = isOther ? there !== null : row.intent?.kind === 'write'
    const kind = clientIds.areKept === undefined ? 'mappedProbe' : 'mapped'
    await this.#note(intents, row, { kind: isTaken ? 'write' : kind, id })
    return this.#put(row, id, content, (found) => isOfMapping(row, id) && holds(found, content))
  }

  /** Stores an intent, unless the stored one says the same. */
  async #note(intents: Intents, row: Row, intent: Intent): Promise<void> {
    const { kind, id } = row.intent ?? {}
    if (kind === 'scripts' || (id === intent.id && (kind === intent.kind || isProbe(row.intent)))) return
    await intents.note(row, intent)
  }

  /** @param isOurs whether an object that has the id already is the one that is to be created */
  async #put(row: Row, id: string, content: JsonObject, isOurs: (there: JsonObject) => boolean): Promise<JsonObject> {
    const { targets, clientIds, links } = this.#context
    try {
      const created = await targets.create(id, content)
      clientIds.areKept = links.targetKey(idOf(created)) === links.targetKey(id)
      return created
    } catch (error) {
      const mayExist = isUncertain(error) || isExisting(error) || (clientIds.areKept === undefined && isRefusal(error))
      const there = mayExist ? await targets.read(id, 'targetObjectQuery').catch(() => null) : null
      if (there && isOurs(there)) {
        clientIds.areKept = true
        return there
      }
      if (!isUncertain(error)) row.intent = null
      throw error
    }
  }

  /** The target chooses the id, whatever it is sent. */
  async #post(intents: Intents, row: Row, content: JsonObject): Promise<JsonObject> {
    const kind = row.intent?.kind === 'scripts' ? 'scripts' : 'assigned'
    if (row.intent?.kind !== kind || row.intent.id !== null) await intents.note(row, { kind, id: null })
    try {
      return await this.#context.targets.create(idIn(content), content)
    } catch (error) {
      if (!isUncertain(error)) row.intent = null
      throw error
    }
  }
}

const isOfMapping = ({ intent }: Row, id: string): boolean =>
  (intent?.kind === 'mapped' || intent?.kind === 'mappedProbe') && intent.id === id

const isExisting = (error: unknown): boolean => error instanceof ResourceException && error.code === 412
