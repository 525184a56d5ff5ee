import { conflict } from '../../crest/errors.ts'
import type { EventIntents, IntendedChange } from '../../repo/queue/event.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import { type Intent, isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import { correlates } from '../evaluate/correlation.ts'
import { fail } from '../evaluate/evaluation.ts'
import type { LinkSpace } from '../evaluate/link-space.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { RunOptions } from './run-options.ts'

interface UnsettledFacts {
  /** Of the run that looks. */
  readonly rows: Pick<RunRows, 'unsettledCreations'>
  readonly mapping: Mapping
  readonly links: Pick<LinkSpace, 'opposites'>
  readonly parts: {
    readonly options: Pick<RunOptions, 'overrides'>
    readonly events: Pick<EventStore, 'intentsOf'>
  }
}

/** What earlier runs of the mapping, once they are settled as far as they can be, and changes have left. */
export async function unsettledOf({ rows, mapping, links, parts }: UnsettledFacts): Promise<Unsettled> {
  const left = await rows.unsettledCreations(mapping.name)
  const unsettled = new Unsettled(left, {
    mayCreate: parts.options.overrides.createUnknown === true,
    correlates: correlates(mapping),
  })
  unsettled.add(await parts.events.intentsOf({ mapping: mapping.name }))
  await addCreated({ unsettled, links, parts })
  return unsettled
}

interface CreatedChange extends IntendedChange {
  readonly opposite: Mapping
}

/** Adds what changes of the mapping in the other direction may have created by now. @returns these changes */
export async function addCreated({
  unsettled,
  links,
  parts,
}: Pick<UnsettledFacts, 'links'> & {
  readonly unsettled: Unsettled
  readonly parts: Pick<UnsettledFacts['parts'], 'events'>
}): Promise<CreatedChange[]> {
  const found: CreatedChange[] = []
  for (const opposite of links.opposites) {
    const changes = await parts.events.intentsOf({ mapping: opposite.name })
    unsettled.addCreated(changes)
    found.push(...changes.map((change) => ({ ...change, opposite })))
  }
  return found
}

interface UnsettledOptions {
  /** Whether somebody has looked, and what is unknown is not at the target. */
  readonly mayCreate: boolean
  /** Whether the evaluation finds what a change has created. */
  readonly correlates: boolean
}

/** Creations that may have been carried out, and of which no answer is known. */
export class Unsettled {
  readonly #options: UnsettledOptions
  /** Of runs. */
  readonly #intents = new Map<string, Intent>()
  readonly #faults = new Map<string, string>()
  /** Of the changes of each source, in their order. */
  readonly #changes = new Map<string, EventIntents[]>()

  /** @param left by runs */
  constructor(left: readonly Row[] = [], options: UnsettledOptions = { mayCreate: false, correlates: false }) {
    this.#options = options
    for (const row of left) {
      const { status, intent } = row
      if (status !== 'UNKNOWN') {
        if (intent?.kind === 'id' || isProbe(intent)) this.#intents.set(placeOf(row), intent)
      } else if (!options.mayCreate) this.#faults.set(placeOf(row), UNKNOWN)
    }
  }

  /** Adds what changes have left. */
  add(changes: readonly IntendedChange[]): void {
    for (const { resourceId, intents } of changes)
      this.#changes.set(resourceId, [...(this.#changes.get(resourceId) ?? []), intents])
  }

  /** Replaces what changes of a source had left. */
  renew(sourceId: string, changes: readonly IntendedChange[]): void {
    this.#changes.delete(sourceId)
    this.add(changes)
  }

  /** Adds what changes of the mapping in the other direction may have created: it is no new source. */
  addCreated(changes: readonly IntendedChange[]): void {
    for (const { intents } of changes)
      for (const [qualifier, { kind, id }] of Object.entries(intents))
        if (kind !== 'write' && id !== null) this.#faults.set(placeOf({ sourceId: id, qualifier }), CREATED)
  }

  /** The intent with which an earlier request may have created the target of this source. */
  intentOf(row: Row): Intent | undefined {
    if (!isCreation(row)) return undefined
    const ofChange = this.#ofChange(row)
    return this.#intents.get(placeOf(row)) ?? (ofChange?.kind === 'id' ? ofChange : undefined)
  }

  /** Why a row is not carried out: its target may be there already. */
  fault(row: Row): string | undefined {
    if (!isCreation(row)) return undefined
    const { mayCreate, correlates } = this.#options
    const ofChange = mayCreate || correlates ? undefined : this.#ofChange(row)
    return this.#faults.get(placeOf(row)) ?? (ofChange && (ofChange.kind === 'id' ? QUEUED : UNKNOWN))
  }

  #ofChange({ sourceId, qualifier }: Row): Intent | undefined {
    const intents = (this.#changes.get(sourceId ?? '') ?? []).flatMap((one) => one[qualifier] ?? [])
    return intents.findLast(({ kind }) => kind !== 'write')
  }
}

/** Fails a row whose target may be one of those that nothing refers to. */
export function refuseUnsettled({ unsettled }: { readonly unsettled: Unsettled }, row: Row): void {
  const fault = unsettled.fault(row)
  if (fault === undefined) return
  fail(row, conflict(fault))
  Object.assign(row, { situation: '', targetKey: null, claims: false })
}

const UNKNOWN =
  'An earlier request may have created the target, and its answer is lost: look for it at the target. If it is there, ' +
  'link it; if not, run again with createUnknown (--create-unknown)'
const QUEUED =
  'A queued change of the object may have created the target, which shows when it is tried again: wait for it, or, where ' +
  'it is a dead letter, retry it (queue retry)'
const CREATED =
  'A queued change of the mapping in the other direction has created this object, and links it when it is tried again: ' +
  'wait for it, or, where it is a dead letter, retry it (queue retry)'

/** A source that has been linked since has its target; one whose target is gone gets another. */
const isCreation = ({ action, link, situation }: Row): boolean =>
  action === 'CREATE' && (link === null || situation === 'MISSING')

const placeOf = ({ sourceId, qualifier }: Pick<Row, 'sourceId' | 'qualifier'>): string =>
  `${qualifier}\u0000${sourceId ?? ''}`
