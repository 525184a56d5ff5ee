import type { Json, JsonObject } from '../../contract.ts'
import type { RecordedWrite } from '../../crest/protocol/recorder.ts'
import type { Agreement } from '../links/agreement-store.ts'
import type { NewLink, PairLink } from '../links/link-store.ts'

/**
 * INTENDED = its request may be under way. SKIPPED = what it is about has changed since it was planned, and nothing was done.
 * DEFERRED = it waits until every source of its run is assessed. UNKNOWN = the process ended while its request was under
 * way, and nothing tells whether it was carried out: it is not repeated.
 */
export const ROW_STATUSES = ['SUCCESS', 'FAILURE', 'INTENDED', 'SKIPPED', 'DEFERRED', 'UNKNOWN'] as const

export type RowStatus = (typeof ROW_STATUSES)[number]

/**
 * What tells after a crash whether a request was carried out. `id`: the target is created with an id that nothing else
 * has. `mapped`: with the id of the mapping, which the target did not have before. `probe`, `mappedProbe`: the same before
 * anything tells whether the target keeps ids. `assigned`: the target chooses the id. `scripts`: writes of scripts come
 * first. `write`: the action is decided again.
 */
export const INTENT_KINDS = ['id', 'mapped', 'probe', 'mappedProbe', 'assigned', 'scripts', 'write'] as const

export interface Intent {
  readonly kind: (typeof INTENT_KINDS)[number]
  /** The id of the target that is created; null = it is not known before. */
  readonly id: string | null
}

/** Whether the target may have created the object under another id. */
export const isProbe = (intent: Intent | null): intent is Intent & { readonly kind: 'probe' | 'mappedProbe' } =>
  intent?.kind === 'probe' || intent?.kind === 'mappedProbe'

/** Max ids of far objects that a message names. */
export const MAX_NAMED_ENDS = 10

/** What is known about a relationship beside the edges that change. */
export type EdgeNotes = {
  /** How many edges of the target stay as they are. */
  readonly kept: number
  /** References of the source to objects that have no counterpart, as many of them as a message names. */
  readonly missing: string[]
  readonly missingCount: number
  /** How many of these this run may give a counterpart. */
  readonly openCount: number
}

/** How many edges of a field, or values, are left out, and why. */
export interface EdgeCount {
  readonly note:
    | 'notShown'
    | 'noCounterpart'
    | 'noCounterpartYet'
    | 'conditional'
    | 'leftAlone'
    | 'changedSince'
    | 'cannotComeBack'
  readonly field: string
  readonly count: number
}

/**
 * One field of a target and what becomes of it. Of a relationship, `from` has the edges that go and `to` those that come;
 * both are empty where nothing but `edges` is to be kept.
 */
export interface FieldChange {
  /** As `printPointer` writes it. */
  readonly field: string
  /** What the target shows; null = nothing. */
  readonly from: Json
  /** What it is to hold; null = nothing. */
  readonly to: Json
  /** The target does not show this field: whether it holds the value already cannot be seen. */
  readonly unseen?: boolean
  /** The same value was sent before, and the target keeps another one in its place. */
  readonly again?: boolean
  /** The target has changed it since both sides last agreed, and the source has not: it is left to the opposite mapping. */
  readonly kept?: boolean
  /** Both sides have changed it since they last agreed, and what the mapping says about that. */
  readonly conflict?: 'source' | 'target' | 'exception'
  /** Of a relationship that is mapped as such. */
  readonly edges?: EdgeNotes
}

/** What a row replaces at the target, beyond its `changes`: stored before its request. */
export interface BeforeImage {
  /** The changes as they are sent, where the plan does not have them. */
  readonly changes?: readonly FieldChange[]
  /** The whole object that is deleted. */
  readonly target?: JsonObject
}

/** What undoing a row needs beside that: stored with its outcome. A row that failed has it if the target was written. */
export interface AfterImage {
  /** It linked its source to its target. */
  readonly linked?: true
  /** The link that it removed. */
  readonly unlinked?: PairLink
  /** What the target showed in its answer, of fields where that is something else than was sent; null = nothing. */
  readonly shown?: Readonly<Record<string, Json>>
  /** The object that it created: digests of the fields that the target showed in its answer. */
  readonly created?: Readonly<Record<string, string>>
  /** How many writes of scripts came before it. */
  readonly writes?: number
}

/** What a row of an undo takes back. */
export interface UndoneRow {
  /** The key of the row in its own run. */
  readonly row: number
  /** The link that comes back; `targetKey` null = to the object that is created. */
  readonly link: { readonly sourceKey: string; readonly targetKey: string | null } | null
}

/**
 * One decision of a run: what was found, what is to be done about it and why, and in the end what became of it. The same
 * row goes from the evaluation to the database, through its application, and into reports. Objects have `_id` and
 * `_rev`.
 */
export interface Row {
  /** Its place in the plan; 0 until it is stored. */
  readonly key: number
  readonly phase: 'source' | 'target'
  readonly qualifier: string
  sourceId: string | null
  targetId: string | null
  /** The target, as `run_object.key`, that no other row may take. */
  targetKey: string | null
  /** When it is carried out, the target is linked to the source: no other row may link it. */
  claims: boolean
  situation: string
  action: string
  /** One sentence for a person. */
  reason: string
  /** null = it is still to be carried out. */
  status: RowStatus | null
  failure: JsonObject | null
  /** Stored before its request is sent, and kept for as long as the result is not certain. */
  intent: Intent | null
  /** The ids of the targets that correlate, when there are several. */
  ambiguous: readonly string[] | null
  /** null = not known before it is carried out. */
  changes: readonly FieldChange[] | null
  /** The eight below are kept for as long as the row is to be carried out. */
  source: JsonObject | null
  target: JsonObject | null
  /** What a CREATE sends, where making it again would run scripts twice. */
  mapped: JsonObject | null
  link: PairLink | null
  /** What the scripts of an analysis would write, in order; null = the row is of a run whose scripts have written. */
  writes: readonly RecordedWrite[] | null
  /** The scripts were told something that the recorded writes might have made another. */
  isApproximate: boolean
  /** The place of the mapping's policy that decided; null = none did. */
  policy: number | null
  /** Of a run that undoes another one. */
  undo?: UndoneRow
  /** What carrying it out does to links. */
  newLink: NewLink | null
  removedLinks: readonly string[]
  ended: string | null
  /** Read by those who undo it. */
  before?: BeforeImage
  after?: AfterImage
  /** How long the target that refused it asks to wait; not stored. */
  retryAfterMs?: number
  /** The target as carrying it out has left it; not stored. */
  result?: JsonObject | null
  /** What both sides agree on when it is carried out: stored with its outcome. */
  agreements?: readonly Agreement[]
  /** What is to be counted of its relationships when it is planned; not stored. */
  edgeCounts?: readonly EdgeCount[]
}

export const newRow = (parts: Pick<Row, 'phase' | 'qualifier'> & Partial<Row>): Row => ({
  key: 0,
  sourceId: null,
  targetId: null,
  targetKey: null,
  claims: false,
  situation: '',
  action: '',
  reason: '',
  status: null,
  failure: null,
  intent: null,
  ambiguous: null,
  changes: null,
  source: null,
  target: null,
  mapped: null,
  link: null,
  writes: null,
  isApproximate: false,
  policy: null,
  newLink: null,
  removedLinks: [],
  ended: null,
  ...parts,
})

/** Which rows are looked for. */
export interface RowSelection {
  readonly situation?: string
  readonly action?: string
  readonly status?: RowStatus
}

export const LINK_EXISTS: JsonObject = {
  code: 409,
  reason: 'Conflict',
  message: 'The source or the target is linked to another object already',
}

/** Whether the row may still be carried out. */
export const isOpen = (status: RowStatus | null): boolean => status === null || status === 'DEFERRED'
