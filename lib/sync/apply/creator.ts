import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import { printPointer } from '../../crest/pointer.ts'
import { type Intent, isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { ChangeIntents, RunContext } from '../context/run-context.ts'
import { correlates } from '../evaluate/correlation.ts'
import { idIn } from '../evaluate/desired-targets.ts'
import { idOf } from '../read/object-set.ts'
import { edgesOf } from '../relationships/edges.ts'
import type { Intents } from './intents.ts'
import { holds } from './settlement.ts'
import { isRefusal, isUncertain, UnknownOutcome } from './uncertain.ts'

type CreatorContext = Pick<RunContext, 'targets' | 'links' | 'mapping' | 'clientIds' | 'statistics' | 'parts'>

/**
 * Creates targets, each once: its id is chosen before, so that a request whose answer is lost can be sent again. Where the
 * target chooses ids itself, the intent says so before the request.
 */
export class Creator {
  readonly #context: CreatorContext
  readonly #intents: Intents | undefined
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
    const created = await (this.#context.clientIds.areKept === undefined
      ? this.#context.clientIds.probes.add(work)
      : work())
    // The link may still fail: then the next run finds the object by its id.
    row.intent = { kind: 'id', id: idOf(created) }
    return created
  }

  /** Without a run. A single action (`performAction`) has no stored event that could tell, after a crash, what it has created. */
  #single(row: Row, content: JsonObject, mapped: string | null): Promise<JsonObject> {
    const { targets, parts, clientIds } = this.#context
    const intents = parts.live?.intents
    if (!intents) return targets.create(mapped, content)
    const work = () => this.#noted(intents, row, content, mapped)
    return clientIds.areKept === undefined ? clientIds.probes.add(work) : work()
  }

  /** For a change with a stored event: what it is about to request is on the disk before, so that it is not created again after a crash. */
  async #noted(
    intents: ChangeIntents,
    { qualifier }: Row,
    content: JsonObject,
    mapped: string | null,
  ): Promise<JsonObject> {
    const { targets, clientIds, links, mapping } = this.#context
    const known = (await intents.known(qualifier)).findLast(({ kind }) => kind !== 'write')
    const isDoubtful = known !== undefined && !correlates(mapping)
    if (isDoubtful && known.id === null) throw new UnknownOutcome(CURE)
    const earlier = known && known.id !== null ? await targets.read(known.id, 'targetObjectQuery') : null
    if (earlier) {
      if (isProbe(known ?? null)) clientIds.wereKept = true
      this.#found = earlier
      return earlier
    }
    const id = mapped ?? known?.id ?? randomUUID()
    const isOwn = known?.id === id
    if (isDoubtful && isProbe(known) && !clientIds.mayRepeat) throw new UnknownOutcome(CURE)
    const note = (intent: Intent | undefined) => intents.note(qualifier, intent)
    if (mapped === null && clientIds.areKept === false) return this.#assigned(note, content)
    const isTaken = mapped !== null && !isOwn && (await targets.read(id, 'targetObjectQuery')) !== null
    const isNew = !isTaken && !isOwn
    // Another change of the object that has noted it may end before this one.
    if (!isTaken) await note(isOwn ? known : { kind: clientIds.areKept ? 'id' : 'probe', id })
    try {
      const created = await targets.create(id, content)
      clientIds.areKept = links.targetKey(idOf(created)) === links.targetKey(id)
      if (!clientIds.areKept) await note({ kind: 'id', id: idOf(created) })
      return created
    } catch (error) {
      const found = isExisting(error) && !isTaken ? await targets.read(id, 'targetObjectQuery') : null
      this.#found = found ?? undefined
      if (found) return found
      if (isNew && !isUncertain(error)) await note(undefined)
      if (mapped !== null || clientIds.areKept || !isRefusal(error)) throw error
      const created = await this.#assigned(note, content)
      clientIds.areKept = false
      return created
    }
  }

  /** The target chooses the id: from the request to its answer, nothing tells whether it was created. */
  async #assigned(note: (intent: Intent | undefined) => Promise<void>, content: JsonObject): Promise<JsonObject> {
    await note({ kind: 'assigned', id: null })
    try {
      const created = await this.#context.targets.create(null, content)
      await note({ kind: 'id', id: idOf(created) })
      return created
    } catch (error) {
      if (!isUncertain(error)) await note(undefined)
      throw error
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

const CURE =
  'Look for it at the target. If it is there, link it (links import); if not, reconcile the object with createUnknown ' +
  '(--create-unknown). Then retry the change'

const isExisting = (error: unknown): boolean => error instanceof ResourceException && error.code === 412
