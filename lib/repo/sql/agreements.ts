import type { AgreedField, Agreement, AgreementStore, KnownAgreement, ParkedLink } from '../links/agreement-store.ts'
import type { AgreementRecord } from './runs/agreement-table.ts'
import { readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

/**
 * A field as it is stored: most have one digest for both sides. With a write that is awaited: last, awaited, and the side
 * that is written.
 */
type StoredField = string | readonly [wanted: string, shown: string] | StoredAwaited
type StoredAwaited = readonly [wanted: string, shown: string, nextWanted: string, nextShown: string, evidence: string]

export class SqlAgreements implements AgreementStore {
  readonly #table: Stores['agreements']

  constructor(table: Stores['agreements']) {
    this.#table = table
  }

  async ofLinks(ids: readonly string[]): Promise<KnownAgreement[]> {
    const records = await this.#table.ofLinks(ids)
    return records.map(({ link, mapping, fields }) => {
      const stored = Object.entries(readJson<Record<string, StoredField>>(fields, 'agreement', link))
      return { link, mapping, fields: new Map(stored.map(([field, value]) => [field, fieldOf(value)])) }
    })
  }

  async put(agreements: readonly Agreement[]): Promise<void> {
    if (agreements.length > 0) await this.#table.put(agreementRecords(agreements))
  }

  countTurn(link: string, mapping: string, windowMs: number): Promise<number> {
    return this.#table.countTurn(link, mapping, windowMs)
  }

  park(link: string): Promise<void> {
    return this.#table.park(link)
  }

  release(link: string): Promise<boolean> {
    return this.#table.release(link)
  }

  parked(ids?: readonly string[]): Promise<ParkedLink[]> {
    return this.#table.parked(ids ?? null)
  }
}

export const agreementRecords = (agreements: readonly Agreement[]): AgreementRecord[] =>
  agreements.map(({ link, mapping, fields }) => {
    const members = [...fields].map(
      ([field, value]) => `${JSON.stringify(field)}:${JSON.stringify(storedField(value))}`,
    )
    return { link, mapping, fields: `{${members.join(',')}}` }
  })

function storedField(field: AgreedField | null): StoredField | null {
  if (!field) return null
  const { last, awaited } = field
  if (awaited) return [last?.wanted ?? '', last?.shown ?? '', awaited.wanted, awaited.shown, awaited.evidence]
  if (!last) return null
  return last.wanted === last.shown ? last.wanted : [last.wanted, last.shown]
}

function fieldOf(stored: StoredField): AgreedField {
  if (typeof stored === 'string') return { last: { wanted: stored, shown: stored } }
  const [wanted, shown, ...next] = stored
  const last = wanted === '' ? undefined : { wanted, shown }
  if (next.length === 0) return { last }
  const [nextWanted, nextShown, evidence] = next as [string, string, string]
  const side = evidence === 'wanted' ? 'wanted' : 'shown'
  return { last, awaited: { wanted: nextWanted, shown: nextShown, evidence: side } }
}
