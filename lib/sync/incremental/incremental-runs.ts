import type { JsonObject } from '../../contract.ts'
import { badRequest, conflict } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { IncrementalStore, Watermark } from '../../repo/incremental/incremental-store.ts'
import { narrowed } from '../context/pilot.ts'
import type { PlanDigest } from '../context/plan-record.ts'
import type { RunOptions } from '../context/run-options.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { SharedBackoff } from '../read/backoff.ts'
import { Durations } from '../read/durations.ts'
import { ObjectSet } from '../read/object-set.ts'
import { checkField, type FirstObjects } from './field-check.ts'
import { fieldSubject, scopeOf } from './scope.ts'
import { printTime, type TimeForm } from './time-form.ts'

export interface IncrementalRunsOptions {
  readonly incremental: IncrementalStore
  /** Writes nothing. */
  readonly dryConnection: Connection
}

/** How long it stays proven that a field filters. */
const PROOF_MS = 86_400_000

/** Decides what runs of mappings with `incremental` ask for. */
export class IncrementalRuns {
  readonly #parts: IncrementalRunsOptions

  constructor(parts: IncrementalRunsOptions) {
    this.#parts = parts
  }

  /**
   * The options of a run that begins now.
   * @param digestOf of the mapping with the settings of the run
   * @throws badRequest for what cannot be asked for; conflict when it cannot be known what has changed
   */
  async begin(mapping: Mapping, asked: RunOptions, digestOf: () => Promise<PlanDigest>): Promise<RunOptions> {
    const { changed, ...options } = asked
    if (changed) checkAsked(mapping, asked)
    if (!mapping.incremental || !readsAll(asked)) return options
    const digest = await digestOf()
    const { sourceQuery } = options.overrides
    const scope = scopeOf(mapping, digest)
    const isOwn = scopeOf({ ...mapping, ...(sourceQuery && { sourceQuery }) }, digest) === scope
    const incremental = { since: null, scope: isOwn ? scope : null }
    if (!changed) return { ...options, incremental }
    const since = await this.#since(mapping, mapping.incremental, digest, scope)
    const filter = { operator: 'ge', field: mapping.incremental.changedField, value: since } as const
    const query = narrowed(sourceQuery ?? mapping.sourceQuery, filter, 'changed')
    const overrides = { ...options.overrides, sourceQuery: query, runTargetPhase: false }
    return { ...options, overrides, incremental: { ...incremental, since } }
  }

  /** The text that the field is compared with. */
  async #since(
    mapping: Mapping,
    { changedField, overlap }: NonNullable<Mapping['incremental']>,
    digest: PlanDigest,
    scope: string,
  ): Promise<string> {
    const { incremental } = this.#parts
    const watermark = await incremental.watermark(mapping.name)
    checkWatermark(mapping.name, watermark, scope)
    const subject = fieldSubject(mapping, digest)
    const proof = await incremental.proof(mapping.name)
    const age = proof?.subject === subject ? Date.now() - Date.parse(proof.at) : Number.POSITIVE_INFINITY
    const isProven = proof !== undefined && age >= 0 && age < PROOF_MS
    const form = isProven
      ? (JSON.parse(proof.form) as TimeForm)
      : await checkField(mapping.source, changedField, this.#firstObjects(mapping, changedField[0] ?? ''))
    if (!isProven) {
      const at = new Date().toISOString()
      await incremental.prove(mapping.name, { subject, at, form: JSON.stringify(form) })
    }
    return printTime(Date.parse(watermark.time) - overlap, form)
  }

  #firstObjects({ source, sourceQuery }: Mapping, member: string): FirstObjects {
    const fields = { scan: undefined, read: undefined, isWhole: false }
    const set = new ObjectSet({
      ...{ path: source, fields, connection: this.#parts.dryConnection, mayBeEmpty: false },
      ...{ backoff: new SharedBackoff(new AbortController().signal), durations: new Durations() },
    })
    return async (_queryFilter, count) => {
      const params: JsonObject = { _queryFilter, _fields: ['_id', member] }
      const pages = set.pages({ resourceName: sourceQuery?.resourceName, params }, count, 'fieldCheck')
      const { value } = await pages.next()
      return (value ?? []).slice(0, count)
    }
  }
}

/** Whether the run is about all sources, so that the next one need not look at what it has seen. */
const readsAll = ({ action, pilot, verifies, undo }: RunOptions): boolean =>
  action === 'recon' && pilot === undefined && verifies !== true && undo === undefined

function checkAsked({ name, incremental }: Mapping, asked: RunOptions): void {
  if (!incremental)
    throw badRequest(
      `changed: the mapping ${name} has no "incremental": set it, such as {"changedField": "lastModified"}, or leave changed out`,
    )
  if (asked.action === 'reconById') throw badRequest('changed: reconById names its sources')
  if (!readsAll(asked)) throw badRequest('changed: cannot be combined with limit, sample and filter')
  if (asked.overrides.runTargetPhase === true)
    throw badRequest('changed: a run over what changed does not show that a target has no source (runTargetPhase)')
}

/**
 * A full run is not started in place of the one that was asked for: it may take hours, and its target phase deletes.
 * @throws conflict
 */
function checkWatermark(name: string, watermark: Watermark | undefined, scope: string): asserts watermark is Watermark {
  const cure = `reconcile ${name} in full first (without changed)`
  if (!watermark) throw conflict(`No full reconciliation of ${name} has noted yet when it read the source: ${cure}`)
  if (watermark.scope !== scope)
    throw conflict(
      `Since the last reconciliation of ${name} its source, sourceQuery, changedField, or the address of its instance has changed: ${cure}`,
    )
}
