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
  readonly run_image: RunImageTable
  readonly run_key: RunKeyTable
  readonly sent_value: SentValueTable
  readonly incremental: IncrementalTable
  readonly incremental_retry: IncrementalRetryTable
  readonly schema_version: SchemaVersionTable
}

/** One row for each object of any type. */
interface ObjectTable {
  readonly key: number
  /** Its collection, such as `managed/user`. */
  readonly type: string
  readonly id: string
  readonly revision: string
  /** JSON as `JSON.stringify` writes it, without `_id` and `_rev`. */
  readonly content: string
}

/** A property by which a type is looked up and sorted fast. */
interface IndexedPropertyTable {
  readonly key: number
  readonly type: string
  /** A pointer as printPointer writes it, such as `/userName`. */
  readonly property: string
  /** By which rules its values were written; null while they are being written: see `property-index.ts`. */
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

/** Which target belongs to which source, for good. */
export interface LinkTable {
  readonly id: string
  /** The mapping whose links they are. */
  readonly type: string
  readonly qualifier: string
  readonly first_id: string
  readonly second_id: string
}

/** One reconciliation, as it is shown. */
export interface RunTable {
  readonly id: string
  readonly number: number
  readonly mapping: string
  /** `ACTIVE` until it ended. */
  readonly state: string
  /** 1 = it decides and writes nothing. */
  readonly is_analysis: number
  /** 1 = its rows are shown as associations. */
  readonly persists: number
  /** JSON, as the run is shown; sealed (see `Sealer`), text in runs of earlier versions. */
  readonly content: string | Uint8Array
  /** JSON: what resuming it needs; sealed. */
  readonly resume: string | Uint8Array | null
}

/** The data keys of a run: its own, and those of runs that it has rows of. */
interface RunKeyTable {
  readonly run: number
  readonly key: number
  /** JSON: the data key, encrypted with a key of the project. */
  readonly wrapped: string
}

/** What a run saw, for as long as it needs it: objects of the target, and those that it will create. */
export interface RunObjectTable {
  readonly place: number
  readonly run: number
  /** The id as links have it. */
  readonly key: string
  /** 0 = it holds a part of the object, 1 = all of it, 2 = it is not there yet: this run creates it. */
  readonly kind: number
  /** JSON. */
  readonly object: string
}

/** Values of targets by which sources are correlated, each as its order key. */
export interface RunValueTable {
  readonly run: number
  readonly field: string
  readonly order_key: string
  readonly object: string
}

/** Which sources a run has seen. */
export interface RunSourceTable {
  readonly run: number
  /** In which page it came. */
  readonly page: number
  readonly key: string
  /** Of its content. */
  readonly digest: number
}

/** One decision of a run: a row of its plan, and later what became of it. */
export interface RunRowTable {
  readonly key: number
  readonly run: number
  /** `source` or `target`. */
  readonly phase: string
  readonly qualifier: string
  readonly source_id: string | null
  readonly target_id: string | null
  /** The target, as `run_object.key`, that no other row may take; null when it takes none. */
  readonly target_key: string | null
  /** 1 = when it is done, the target is linked to the source. */
  readonly claims: number
  readonly situation: string
  readonly action: string
  /** Why: one sentence; sealed where it is the message of a failure. */
  readonly reason: string | Uint8Array
  /** null while it is still to be done. */
  readonly status: string | null
  /** JSON of the failure. It is sealed, as are the two below; text in rows of earlier versions. */
  readonly failure: string | Uint8Array | null
  /** JSON list of ids. */
  readonly ambiguous: string | null
  /** JSON list of the fields that change. */
  readonly changes: string | Uint8Array | null
  /** JSON: what carrying it out needs, where that has to outlive the process; else it is in `run_work`. */
  readonly work: string | Uint8Array | null
  /** 1 = it changes a field of its target. */
  readonly changing: number
  /** 1 = its work has writes of scripts. */
  readonly writing: number
  /** 1 = its work is approximate. */
  readonly approximate: number
  readonly ended: string | null
  /** The kind of its intent, while the outcome is not certain; the id is in `target_id`. */
  readonly intent: string | null
}

/** What undoing a row needs. Both values are sealed JSON. */
interface RunImageTable {
  /** Of the row. */
  readonly key: number
  /** See `BeforeImage`. */
  readonly image: Uint8Array | null
  /** See `AfterImage`. */
  readonly outcome: Uint8Array | null
}

/** What carrying out a row needs, for as long as its run goes on. */
export interface RunWorkTable {
  /** Of the row. */
  readonly key: number
  readonly run: number
  /** JSON. */
  readonly work: string
}

/** What was sent to a target that does not show it as it was sent: see `SentValue`. */
export interface SentValueTable {
  readonly mapping: string
  readonly qualifier: string
  readonly target: string
  readonly field: string
  readonly digest: string
  readonly shown: string | null
}

/** How far the incremental runs of a mapping have come. */
interface IncrementalTable {
  readonly mapping: string
  /** ISO 8601, by the clock of the source. */
  readonly watermark: string | null
  /** What the watermark holds for. */
  readonly scope: string | null
  /** JSON: see `FieldProof`. */
  readonly proof: string | null
}

/** A source that failed, and that incremental runs take in addition. */
interface IncrementalRetryTable {
  readonly mapping: string
  readonly source_id: string
  readonly attempts: number
}

interface SchemaVersionTable {
  readonly version: number
}
