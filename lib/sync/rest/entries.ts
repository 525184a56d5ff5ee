import type { Json, JsonObject } from '../../contract.ts'
import { hideSecrets, isSecretName, STARS } from '../../core/hidden-secrets.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../../crest/errors.ts'
import type { RecordedWrite } from '../../crest/protocol/recorder.ts'
import type { Resource } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { rowWindows } from '../row-windows.ts'
import type { Streamed } from './query-stream.ts'

type Collections = Pick<Mapping, 'source' | 'target'> | undefined

const WINDOW = 500

/** Read as a number all the same, it would show no row: as though the plan had ended. */
export const NO_COOKIE = 'The parameter _pagedResultsCookie is not a cookie of this query'

/**
 * The rows of a run after a cookie, as resources; rows for which `show` returns undefined are skipped.
 * @throws badRequest when it is not a cookie of this query
 */
export async function* rowStream(
  rows: RunRows,
  after: string | null,
  show: (row: Row) => Resource | undefined,
): AsyncGenerator<Streamed, void> {
  if (after !== null && !/^\d{1,16}$/.test(after)) throw badRequest(NO_COOKIE)
  for await (const window of rowWindows((last) => rows.after(last, WINDOW), Number(after ?? 0)))
    for (const row of window) {
      const resource = show(row)
      if (resource) yield { cookie: String(row.key), resource }
    }
}

const idOfRow = (run: StoredRun, row: Row): string => `${run.id}-${row.key}`

const textOrNull = (text: string): string | null => (text === '' ? null : text)

/** An entry of `recon/assoc/ID/entry`, with bare ids. */
export function associationEntry(run: StoredRun, row: Row, collections: Collections): Resource {
  const { failure } = row
  return {
    id: idOfRow(run, row),
    revision: '1',
    content: {
      mapping: run.mapping,
      reconId: run.id,
      situation: textOrNull(row.situation),
      action: textOrNull(row.action),
      linkQualifier: row.qualifier,
      sourceObjectId: row.sourceId,
      targetObjectId: row.targetId,
      sourceResourceCollection: collections?.source ?? null,
      targetResourceCollection: collections?.target ?? null,
      status: row.status ?? 'SUCCESS',
      exception: failure ? `${String(failure.reason)}: ${String(failure.message)}` : null,
      message: failure ? String(failure.message) : null,
      messageDetail: failure ? JSON.stringify(failure.detail ?? null) : 'null',
      ambiguousTargetObjectIds: row.ambiguous ? row.ambiguous.join(', ') : null,
    },
  }
}

/**
 * An entry of `recon/plan/ID/entry`: what a person needs to know for approval.
 * @param secrets see `maskedChanges`
 */
export const planEntry = (run: StoredRun, row: Row, secrets: ReadonlySet<string> | undefined): Resource => ({
  id: idOfRow(run, row),
  revision: null,
  content: {
    situation: textOrNull(row.situation),
    action: textOrNull(row.action),
    linkQualifier: row.qualifier,
    sourceObjectId: row.sourceId,
    targetObjectId: row.targetId,
    reason: row.reason,
    status: row.status,
    message: row.failure ? String(row.failure.message) : null,
    changes: maskedChanges(row.changes ?? [], secrets),
    writes: maskedWrites(row.writes ?? [], secrets),
    approximate: row.isApproximate,
  },
})

/**
 * The values of fields that both sides of a pair have changed, where the row failed for that.
 * @param secrets see `maskedChanges`
 */
export function conflictsOf({ changes }: Row, secrets: ReadonlySet<string> | undefined): JsonObject | undefined {
  const disputed = (changes ?? []).filter(({ conflict }) => conflict === 'exception')
  return disputed.length === 0 ? undefined : { conflicts: maskedChanges(disputed, secrets) }
}

/**
 * An entry of `audit/recon`, with full paths; undefined for a row that is not reported.
 * @param secrets see `maskedChanges`
 */
export function auditEntry(
  run: StoredRun,
  row: Row,
  collections: Collections,
  secrets: ReadonlySet<string> | undefined,
): Resource | undefined {
  if (row.status === null || row.status === 'INTENDED' || (isAction(row.action) && !ACTION_RULES[row.action].reported))
    return undefined
  const { content } = associationEntry(run, row, collections)
  const path = (collection: string | undefined, id: string | null): string | null =>
    id === null ? null : childPath(collection ?? '', id)
  return {
    id: idOfRow(run, row),
    revision: null,
    content: {
      ...auditCommon(run, row.ended ?? ''),
      entryType: 'entry',
      action: content.action ?? null,
      exception: content.exception ?? null,
      linkQualifier: row.qualifier,
      message: content.message ?? null,
      messageDetail: row.failure ? (conflictsOf(row, secrets) ?? row.failure.detail ?? null) : null,
      situation: content.situation ?? null,
      sourceObjectId: path(collections?.source, row.sourceId),
      targetObjectId: path(collections?.target, row.targetId),
      status: row.status,
      reconciling: row.phase,
      ambiguousTargetObjectIds: content.ambiguousTargetObjectIds ?? null,
    },
  }
}

/** The entries before and after those of the objects. */
export function auditFrame(run: StoredRun, entryType: 'start' | 'summary'): Resource {
  const isStart = entryType === 'start'
  const { plan: _, ...content } = run.content
  const { started = '', ended = '', state, situationSummary } = content
  const counts = Object.entries((situationSummary ?? {}) as Record<string, Json>).filter(([, count]) => count !== 0)
  return {
    id: `${run.id}-${entryType}`,
    revision: null,
    content: {
      ...auditCommon(run, String(isStart ? started : ended)),
      entryType,
      message: isStart
        ? `Reconciliation initiated by internal/user/openidm-admin`
        : counts.map(([situation, count]) => `${situation}: ${String(count)}`).join(', '),
      messageDetail: isStart ? null : { _id: run.id, ...content },
      status: isStart || state === 'SUCCESS' ? 'SUCCESS' : 'FAILURE',
      reconciling: null,
    },
  }
}

function auditCommon(run: StoredRun, timestamp: string): JsonObject {
  const parameters = run.content.parameters
  const isById = typeof parameters === 'object' && parameters !== null && 'sourceIds' in parameters
  return {
    transactionId: run.id,
    timestamp,
    eventName: 'recon',
    userId: 'openidm-admin',
    trackingIds: [],
    mapping: run.mapping,
    reconAction: isById ? 'reconById' : 'recon',
    reconId: run.id,
  }
}

/**
 * Changes of fields with stars in place of secrets and of encrypted or hashed values.
 * @param secrets additional secret fields, as `differences` prints fields; undefined = unknown, so that all are secret
 */
export const maskedChanges = (changes: readonly FieldChange[], secrets: ReadonlySet<string> | undefined): Json[] =>
  changes.map(({ field, from, to, ...flags }) => {
    const show = (value: Json): Json => masked(value, field, secrets)
    return { field, from: show(from), to: show(to), ...flags }
  })

/** The writes that scripts request, with the same stars. */
export const maskedWrites = (writes: readonly RecordedWrite[], secrets: ReadonlySet<string> | undefined): Json[] =>
  writes.map(({ method, placeholder: _, content = null, parameters, ...write }) => ({
    method,
    ...write,
    ...(parameters && { parameters: masked({ ...parameters }, '', secrets) }),
    content:
      method === 'patch' && Array.isArray(content)
        ? content.map((operation) => maskedOperation(operation, secrets))
        : masked(content, '', secrets),
  }))

/** An object of a collection. @param secrets its private fields; undefined = not known */
export const maskedObject = (object: Json, secrets: ReadonlySet<string> | undefined): Json =>
  masked(object, '', secrets)

function maskedOperation(operation: Json, secrets: ReadonlySet<string> | undefined): Json {
  if (!isObject(operation) || operation.value === undefined) return operation
  return { ...operation, value: masked(operation.value, String(operation.field), secrets) }
}

function masked(value: Json, field: string, secrets: ReadonlySet<string> | undefined): Json {
  const names = field.split('/')
  // A field within a secret one is secret, too.
  const isHidden =
    !secrets || names.some((name, index) => isSecretName(name) || secrets.has(names.slice(0, index + 1).join('/')))
  if (isHidden) return value === null ? null : STARS
  // Secret fields are named without positions in lists: `/b/c` is in each element of `/b`.
  const isSecret = (place: readonly string[]) => secrets.has(place.filter((name) => !/^\d+$/.test(name)).join('/'))
  return hideSecrets(value, { isSecret }, names)
}
