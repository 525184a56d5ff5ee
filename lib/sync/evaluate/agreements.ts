import type { JsonObject, Logger } from '../../contract.ts'
import { parsePointer } from '../../crest/pointer.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type { Agreement, AgreementStore } from '../../repo/links/agreement-store.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import type { ObjectSet } from '../read/object-set.ts'
import { leavesAt, ValueDigests } from './agreement-fields.ts'
import { OppositeSide } from './agreement-opposite.ts'
import {
  AgreedRecord,
  agreeable,
  fieldOf,
  fieldsOf,
  type KnownFields,
  lastAt,
  leavesOfChange,
  leavesOfProperty,
  placesIn,
  propertyOf,
  shownOf,
  withChanges,
} from './agreement-records.ts'
import { type ConflictRule, changedSince, changedTogether, type MappingPair, pairOf } from './agreement-rules.ts'
import { disputeOf, Turns } from './agreement-turns.ts'
import { hasEffect } from './difference.ts'
import { fail } from './evaluation.ts'
import type { LinkSpace } from './link-space.ts'
import type { Mapper } from './mapper.ts'

export interface AgreementsOptions {
  readonly store: AgreementStore
  /** The key of the digests. */
  readonly digestKey: () => Promise<Uint8Array>
  readonly mapping: Mapping
  readonly mappings: readonly Mapping[]
  readonly links: LinkSpace
  readonly scripts: Scripts
  /** What somebody has decided for this run about fields that both sides have changed. */
  readonly decided?: ConflictRule | undefined
  readonly log: Pick<Logger, 'error'>
  /** False: the source wins whatever is known, and nothing is agreed on. */
  readonly isEnabled: boolean
}

/** A row that updates its target, with what the mapping makes of its source. */
export interface ReviewedRow {
  readonly row: Row
  readonly mapped: JsonObject
}

/** What undoing needs to see of the source. */
export interface Undoing {
  readonly sources: Pick<ObjectSet, 'read'>
  readonly mapper: Pick<Mapper, 'map'>
}

const NOTHING_KNOWN: KnownFields = new Map()

/**
 * What the two instances of a pair of mappings last agreed on, so that a change of one side is told from a change of the
 * other. For each link and mapping: digests of what the mapping made of its source, and of what its target showed then.
 */
export class Agreements {
  readonly #parts: AgreementsOptions
  readonly #pair: MappingPair | undefined
  readonly #opposite: OppositeSide | undefined
  readonly #turns: Turns
  #digests = new ValueDigests(new Uint8Array())
  #hasKey = false
  /** What takes the place of expected agreements of rows whose writes are not carried out. */
  readonly #former = new WeakMap<Row, readonly Agreement[]>()

  constructor(parts: AgreementsOptions) {
    const { isEnabled, mapping, mappings, decided, scripts } = parts
    this.#parts = parts
    this.#pair = isEnabled ? pairOf(decided ? { ...mapping, conflict: decided } : mapping, mappings) : undefined
    this.#opposite = this.#pair && new OppositeSide(mapping, this.#pair.opposite, scripts)
    this.#turns = new Turns(parts, this.#pair?.opposite)
  }

  /** Whether the two instances of the mapping follow each other. */
  get isActive(): boolean {
    return this.#pair !== undefined
  }

  /**
   * Judges the changes of rows by what both sides last agreed on: those that only the target has made are left to the
   * opposite mapping; a row with one that both have made fails, unless an authority is declared. What is the same on both
   * sides is agreed on.
   * @param records whether that is stored
   */
  async review(rows: readonly ReviewedRow[], records: boolean): Promise<void> {
    const open = rows.filter(
      ({ row }) => row.action === 'UPDATE' && row.changes && row.link && row.target && row.source,
    )
    if (!this.isActive || open.length === 0) return
    const known = await this.#known(open.map(({ row }) => row))
    const parked = await this.#turns.parked(
      open.flatMap(({ row }) => row.link?.id ?? []),
      records,
    )
    const same: { one: ReviewedRow; own: AgreedRecord }[] = []
    for (const one of open) {
      const { row, mapped } = one
      const [fields, changes] = [known(row, this.#parts.mapping), row.changes ?? []]
      const own = new AgreedRecord(fields, this.#digests)
      const differing = changes.filter(({ edges }) => !edges).map(({ field }) => field)
      for (const property of agreeable(this.#parts.mapping)) {
        const leaves = leavesOfProperty(property, { wanted: mapped, shown: row.target ?? {} })
        own.agreeWhereSame(fieldOf(property), ...leaves, differing)
      }
      if (own.fields.size > 0) same.push({ one, own })
      this.#judge(row, fields)
      if (parked.has(row.link?.id ?? '') && row.changes?.some(hasEffect)) fail(row, this.#turns.fault(row))
    }
    if (!records || same.length === 0) return
    const backs = (await this.#opposite?.views(same.map(({ one: { row } }) => seenFrom(row)))) ?? []
    const agreed = same.flatMap(({ one: { row }, own }, index) => {
      const back = new AgreedRecord(known(row, this.#opposite?.mapping), this.#digests)
      this.#opposite?.agreeWhereSame(back, backs[index])
      return this.#agreements(row, row.targetId ?? '', own, back)
    })
    await this.#parts.store.put(agreed)
  }

  /**
   * Notes what will be agreed on, before a write: if the process ends meanwhile, the next evaluation knows of it.
   * @throws conflict when the object has gone round too often
   */
  async expect(row: Row, sent: readonly FieldChange[]): Promise<void> {
    const { target, source, link, targetId } = row
    if (!this.isActive || !target || !source || !link || row.undo || sent.length === 0) return
    await this.#turns.count(row, link.id)
    const known = await this.#known([row])
    const own = new AgreedRecord(known(row, this.#parts.mapping), this.#digests)
    for (const change of sent) {
      const [wanted] = leavesOfChange(change)
      own.await(change.field, this.#scopeOf(change), wanted, wanted, 'shown')
    }
    const back = new AgreedRecord(known(row, this.#opposite?.mapping), this.#digests)
    const after = withChanges(target, sent)
    const write = { before: target, after, source, written: fieldsOf(sent), qualifier: row.qualifier }
    await this.#opposite?.follow(back, write, 'awaited')
    this.#former.set(row, this.#agreements(row, targetId ?? '', { fields: own.former }, { fields: back.former }))
    await this.#parts.store.put(this.#agreements(row, targetId ?? '', own, back))
  }

  /** Takes back what was expected of a write that was not carried out. */
  async withdraw(row: Row): Promise<void> {
    const former = this.#former.get(row)
    if (former) await this.#parts.store.put(former)
  }

  /** Adds to a row what both sides agree on after a write. @param sent with the values that the target shows as `from` */
  async note(row: Row, targetId: string, sent: readonly FieldChange[], answer: JsonObject): Promise<void> {
    const { source } = row
    if (!this.isActive || !source || row.undo) return
    const before = row.action === 'UPDATE' ? (row.target ?? {}) : {}
    const shown = sent.map((change) => ({ ...change, to: shownOf(change, answer) }))
    const after = withChanges(before, shown)
    const isFresh = row.action === 'CREATE' || row.link?.targetKey !== this.#parts.links.targetKey(targetId)
    const known = await this.#known(isFresh ? [] : [row])
    const own = new AgreedRecord(known(row, this.#parts.mapping), this.#digests)
    if (isFresh) this.#agreeAll(own, after)
    for (const [index, change] of sent.entries()) {
      const [wanted] = leavesOfChange(change)
      const [now] = leavesOfChange(shown[index] ?? change)
      own.agree(change.field, wanted, now)
    }
    const back = new AgreedRecord(known(row, this.#opposite?.mapping), this.#digests)
    const write = { before, after, source, written: fieldsOf(sent), qualifier: row.qualifier }
    await this.#opposite?.follow(back, write, 'agreed')
    row.agreements = this.#agreements(row, targetId, own, back)
  }

  /** The two sides stay as the undoing of a run leaves them, until somebody changes one of them. */
  async undone(
    row: Row,
    sent: readonly FieldChange[],
    answer: JsonObject,
    { sources, mapper }: Undoing,
  ): Promise<void> {
    const { target, targetId, qualifier } = row
    if (!this.isActive || !target || targetId === null) return
    const { links } = this.#parts
    const found = await links.byTargets([links.targetKey(targetId)])
    const link = found.find((one) => one.qualifier === qualifier) ?? null
    if (!link) return
    const source = await sources.read(link.sourceKey, 'sourceObjectQuery')
    if (!source) return
    const [mapped] = await mapper.map([{ source, onto: withoutIdentity(target), linkQualifier: qualifier }])
    if (!mapped || mapped instanceof Error) return
    const after = withChanges(
      target,
      sent.map((change) => ({ ...change, to: shownOf(change, answer) })),
    )
    const linked = { ...row, link, sourceId: link.sourceKey }
    const known = await this.#known([linked])
    const own = new AgreedRecord(known(linked, this.#parts.mapping), this.#digests)
    for (const { field } of sent) {
      const place = parsePointer(field)
      own.agree(field, leavesAt(mapped, place), leavesAt(after, place))
    }
    const back = new AgreedRecord(known(linked, this.#opposite?.mapping), this.#digests)
    await this.#opposite?.settle(back, { before: target, after, source, written: fieldsOf(sent), qualifier })
    row.agreements = this.#agreements(linked, targetId, own, back)
  }

  /** A target that was found, or created, has what the mapping makes of its source. */
  #agreeAll(own: AgreedRecord, after: JsonObject): void {
    for (const property of agreeable(this.#parts.mapping)) {
      const [wanted, shown] = leavesOfProperty(property, { wanted: after, shown: after })
      own.agree(fieldOf(property), wanted, shown)
    }
  }

  #judge(row: Row, known: KnownFields): void {
    const disputed: string[] = []
    const judged = (row.changes ?? []).map((change): FieldChange | undefined => {
      if (change.edges || change.unseen) return change
      const rule = this.#ruleFor(change, known)
      if (rule === 'drop') return undefined
      if (rule === 'carry') return change
      if (rule === 'keep') return { ...change, kept: true }
      if (rule === 'exception') disputed.push(change.field)
      return { ...change, conflict: rule, ...(rule === 'target' && { kept: true }) }
    })
    row.changes = judged.filter((change) => change !== undefined)
    if (disputed.length > 0) fail(row, disputeOf(this.#parts.mapping, this.#pair?.opposite, row, disputed))
  }

  #ruleFor(change: FieldChange, known: KnownFields): 'carry' | 'drop' | 'keep' | ConflictRule {
    const [wanted, shown] = leavesOfChange(change)
    const scope = this.#scopeOf(change)
    const { decided } = this.#parts
    const all = placesIn(change.field, known, wanted, shown).map((place) => {
      const last = lastAt(place, scope, known)
      const now = { wanted: this.#digests.of(wanted.get(place)), shown: this.#digests.of(shown.get(place)) }
      return last && changedSince(last, now)
    })
    switch (changedTogether(all)) {
      case 'neither':
        return 'drop'
      case 'target':
        return 'keep'
      case 'both':
        return decided ?? this.#pair?.rule ?? 'exception'
      case 'unsure':
        return decided ?? 'exception'
      default:
        return 'carry'
    }
  }

  #scopeOf({ field }: FieldChange): string {
    const property = propertyOf(agreeable(this.#parts.mapping), parsePointer(field))
    return property ? fieldOf(property) : field
  }

  async #known(rows: readonly Row[]): Promise<(row: Row, mapping: Mapping | undefined) => KnownFields> {
    if (!this.#hasKey) this.#digests = new ValueDigests(await this.#parts.digestKey())
    this.#hasKey = true
    const ids = [...new Set(rows.flatMap(({ link }) => link?.id ?? []))]
    const found = ids.length === 0 ? [] : await this.#parts.store.ofLinks(ids)
    const byPlace = new Map(found.map(({ link, mapping, fields }) => [`${link} ${mapping}`, fields] as const))
    return ({ link }, mapping) => byPlace.get(`${link?.id} ${mapping?.name}`) ?? NOTHING_KNOWN
  }

  #agreements(
    { sourceId, qualifier }: Row,
    targetId: string,
    own: Pick<AgreedRecord, 'fields'>,
    back: Pick<AgreedRecord, 'fields'>,
  ): Agreement[] {
    const link = this.#parts.links.between(sourceId ?? '', targetId, qualifier)
    const both = [
      { link, mapping: this.#parts.mapping.name, fields: own.fields },
      { link, mapping: this.#pair?.opposite.name ?? '', fields: back.fields },
    ]
    return both.filter(({ fields }) => fields.size > 0)
  }
}

const seenFrom = ({ target, source, qualifier }: Row) => ({ after: target ?? {}, source: source ?? {}, qualifier })
