import type { Generated, Kysely, Transaction } from './kysely.ts'
import type {
  LinkTable,
  RunObjectTable,
  RunRowTable,
  RunSourceTable,
  RunTable,
  RunValueTable,
  RunWorkTable,
  SentValueTable,
} from './sync-tables.ts'

/** The tables, as the query builder knows them. `migrations.ts` makes them. */
export interface Tables {
  readonly object: ObjectTable
  readonly indexed_property: IndexedPropertyTable
  readonly property_value: PropertyValueTable
  readonly link: LinkTable
  readonly run: RunTable
  readonly run_object: RunObjectTable
  readonly run_value: RunValueTable
  readonly run_source: RunSourceTable
  readonly run_row: RunRowTable
  readonly run_work: RunWorkTable
  readonly sent_value: SentValueTable
  readonly schema_version: SchemaVersionTable
}

/** One row for each object of any type. */
interface ObjectTable {
  readonly key: Generated<number>
  /** Its collection, such as `managed/user`. */
  readonly type: string
  readonly id: string
  readonly revision: string
  /** JSON as `JSON.stringify` writes it, without `_id` and `_rev`. */
  readonly content: string
}

/** A property by which a type is looked up and sorted fast. */
interface IndexedPropertyTable {
  readonly key: Generated<number>
  readonly type: string
  /** A pointer as printPointer writes it, such as `/userName`. */
  readonly property: string
  /** By which rules its values were written; null while they are being written: see `index-version.ts`. */
  readonly version: string | null
}

/** The values of indexed properties, each as its order key: a list has a row for each of its elements. */
interface PropertyValueTable {
  readonly property: number
  readonly order_key: string
  readonly object: number
  /** 1 in the one row of an object by which it is sorted, else 0. */
  readonly sorts: number
}

interface SchemaVersionTable {
  readonly version: number
}

export type Database = Kysely<Tables>
/** A database or an open transaction: for what works in both. */
export type Session = Database | Transaction<Tables>
