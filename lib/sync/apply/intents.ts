import { randomUUID } from 'node:crypto'
import { type Intent, isProbe, type Row } from '../../repo/runs/run-row.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import type { RunContext } from '../context/run-context.ts'
import { correlates } from '../evaluate/correlation.ts'
import { desiredTargets, idIn } from '../evaluate/desired-targets.ts'

/**
 * Stores what will be requested before it is requested, so that a crash leaves no doubt about what was carried out: with
 * the ids of the targets that are created. Most rows are stored a window at a time.
 */
export class Intents {
  readonly #context: RunContext
  readonly #correlates: boolean
  readonly #mapsIds: boolean
  readonly #inDoubt = new WeakSet<Row>()
  #waiting: Row[] = []
  #batch: Promise<void> | undefined

  constructor(context: RunContext) {
    this.#context = context
    const { mapping, hooks } = context
    this.#correlates = correlates(mapping)
    this.#mapsIds =
      !context.parts.options.undo && !hooks.makeTargets && mapping.properties.some(({ target }) => target[0] === '_id')
  }

  /** Whether nothing but its committed outcome tells what became of a row. */
  isInDoubt(row: Row): boolean {
    return this.#inDoubt.has(row)
  }

  /** Stores the intents of the rows of a window, but for those that `note` stores one at a time. */
  async prepare(rows: readonly Row[]): Promise<void> {
    const open = rows.filter((row) => isWrite(row) && !this.#isNotedLater(row))
    if (open.length === 0) return
    const creations = open.filter(isCreation)
    if (this.#mapsIds && this.#context.clientIds.areKept !== false) await this.#chooseMapped(creations)
    for (const row of open) row.intent = this.#intentOf(row)
    await this.#context.rows.intend(open)
  }

  /** Stores the intent of one row, together with those of others in this turn of the event loop. */
  note(row: Row, intent: Intent): Promise<void> {
    row.intent = intent
    const isOfTarget = intent.kind === 'assigned' || isProbe(intent)
    if (intent.kind === 'scripts' || (isOfTarget && !this.#correlates)) this.#inDoubt.add(row)
    this.#waiting.push(row)
    this.#batch ??= this.#store()
    return this.#batch
  }

  /** An id for a target that is created: one that an earlier attempt may have used already is used again. */
  chosenId(row: Row): string {
    const { kind, id = null } = row.intent ?? {}
    if ((kind === 'id' || kind === 'probe') && id !== null) return id
    const former = row.undo && row.mapped ? idIn(row.mapped) : null
    return former ?? this.#context.unsettled.intentOf(row)?.id ?? randomUUID()
  }

  /** Of a creation that an earlier request may have carried out under another id. */
  earlierProbe(row: Row): Intent | undefined {
    return [row.intent, this.#context.unsettled.intentOf(row) ?? null].find(isProbe)
  }

  async #store(): Promise<void> {
    await new Promise((next) => setImmediate(next))
    const rows = this.#waiting
    this.#waiting = []
    this.#batch = undefined
    await this.#context.rows.intend(rows)
  }

  /** Of these at most `taskThreads` can be in doubt. */
  #isNotedLater(row: Row): boolean {
    if ((row.writes ?? []).length > 0) return true
    if (!isCreation(row) || this.earlierProbe(row)) return false
    return !this.#correlates && this.#context.clientIds.areKept === false
  }

  #intentOf(row: Row): Intent {
    if (!isCreation(row)) return { kind: 'write', id: row.targetId }
    const probe = this.earlierProbe(row)
    if (probe) return probe
    if (this.#context.clientIds.areKept === false) return { kind: 'assigned', id: null }
    if (this.#mapsIds && row.intent) return row.intent
    return { kind: 'id', id: this.chosenId(row) }
  }

  /** The ids of the mapping: an object that is there before is another's. */
  async #chooseMapped(rows: readonly Row[]): Promise<void> {
    const { targets } = this.#context
    const mapped = await desiredTargets(
      this.#context,
      rows.map((row) => ({ row, mapped: row.mapped })),
    )
    const ids = mapped.map((object) => (object instanceof Error ? null : idIn(object)))
    const wanted = ids.filter((id) => id !== null)
    const there = await targets.byIds(wanted, 'targetObjectQuery', new Map()).catch(() => undefined)
    for (const [index, row] of rows.entries()) {
      const [object, id = null] = [mapped[index], ids[index]]
      if (object && !(object instanceof Error)) row.mapped = object
      // Whether the target had it before the first attempt counts.
      if (isProbe(row.intent) || (row.intent?.kind === 'mapped' && row.intent.id === id)) continue
      if (id === null) row.intent = { kind: 'id', id: this.chosenId(row) }
      else row.intent = { kind: there && !there.has(id) ? 'mapped' : 'write', id }
    }
  }
}

const isCreation = ({ action }: Row): boolean => action === 'CREATE'

const isWrite = ({ action }: Row): boolean => isAction(action) && ACTION_RULES[action].writes
