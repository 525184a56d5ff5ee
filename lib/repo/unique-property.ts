import type { Json, JsonObject } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import { getAt } from '../crest/pointer.ts'
import { candidateKeys, filterCandidates } from './filter-candidates.ts'
import { filterCondition } from './filter-condition.ts'
import { sql } from './kysely.ts'
import type { PropertyIndex } from './property-index.ts'
import type { Session } from './tables.ts'

/** Another object of the type has the value already. */
export class UniqueViolation extends ResourceException {
  /** As printPointer writes it. */
  readonly property: string

  constructor(property: string) {
    super(409, `Another object has the same value of ${property}`, { detail: { property } })
    this.name = 'UniqueViolation'
    this.property = property
  }
}

/**
 * Checks inside the transaction that writes. Values are the same when a filter with `eq` says so: without regard to
 * case, so that who is looked up by such a property is one person.
 * @throws UniqueViolation
 */
export async function checkUnique(
  session: Session,
  {
    type,
    id,
    indexes,
    unique,
  }: { type: string; id: string; indexes: readonly PropertyIndex[]; unique: ReadonlySet<string> },
  content: JsonObject,
  previous: JsonObject = {},
): Promise<void> {
  for (const { property, field } of indexes.filter(({ property }) => unique.has(property))) {
    const value = getAt(content, field)
    if (!isScalar(value) || value === getAt(previous, field)) continue
    const filter = { operator: 'eq', field, value } as const
    const candidates = filterCandidates(filter, indexes)
    const narrowed = candidates ? sql`and o.key in (${candidateKeys(candidates)})` : sql``
    const query = sql`select o.key from object as o
      where o.type = ${type} and o.id <> ${id} ${narrowed} and ${filterCondition(filter)} limit 1`
    if ((await query.execute(session)).rows.length > 0) throw new UniqueViolation(property)
  }
}

const isScalar = (value: Json | undefined): value is string | number | boolean =>
  value !== undefined && value !== null && typeof value !== 'object'
