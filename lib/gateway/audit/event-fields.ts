/** Which events and which of their fields are recorded: the filters and policies of `audit.json`, as functions. */
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { AuditEvent, AuditTopic } from '../../core/telemetry/audit.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import type { AuditSettings } from './settings.ts'

const HEADERS = '/access/http/request/headers/'
const PARAMETERS = '/access/http/request/queryParameters'

/** Whether a pointer of `includeIf` names what is left out unless it is named. */
export const canInclude = (pointer: string): boolean => pointer.startsWith(HEADERS) || pointer === PARAMETERS

/** The names of further headers, in lower case, and whether the parameters of the query are recorded. */
export const includedIn = ({ included }: Pick<AuditSettings, 'included'>) => ({
  headers: included.filter((one) => one.startsWith(HEADERS)).map((one) => one.slice(HEADERS.length).toLowerCase()),
  parameters: included.includes(PARAMETERS),
})

/** Returns what is recorded of an event: undefined = nothing. */
export type EventFilter = (event: AuditEvent) => JsonObject | undefined

export function eventFilter(topic: AuditTopic, settings: AuditSettings): EventFilter {
  const { topics, excluded } = settings
  const { actions = [], fields = [] } = topics[topic]?.filter ?? {}
  const allowed = new Set(actions.map((name) => name.toLowerCase()))
  const conditions = fields.map(({ name, values }) => ({ field: namesOf(name), values: new Set(values) }))
  const removed = excluded.filter((pointer) => pointer.startsWith(`/${topic}/`)).map((one) => removal(topic, one))
  const changed = watch(topic, settings)
  return (event) => {
    const action = actionOf(topic, event)
    if (allowed.size > 0 && action !== undefined && !allowed.has(action)) return undefined
    if (!conditions.every(({ field, values }) => values.has(String(getAt(event, field) ?? '')))) return undefined
    return removed.reduce<JsonObject>(withoutField, changed(event))
  }
}

/** Narrows `changedFields` to the watched fields, and says whether a password is among the changed ones. */
function watch(topic: AuditTopic, { topics }: AuditSettings): (event: AuditEvent) => AuditEvent {
  const { watchedFields = [], passwordFields = ['password'] } = topics[topic] ?? {}
  const passwords = passwordFields.map(namesOf)
  const watched = watchedFields.map(namesOf)
  return (event) => {
    const { changedFields } = event
    if (!Array.isArray(changedFields)) return event
    const isChanged = (pointer: Pointer) => hasChanged(event, new Set(changedFields), pointer)
    return {
      ...event,
      ...(watched.length > 0 && { changedFields: watched.filter(isChanged).map(printPointer) }),
      ...(topic === 'activity' && { passwordChanged: passwords.some(isChanged) }),
    }
  }
}

/** @param changed pointers to the outermost members */
function hasChanged(
  { before = null, after = null }: AuditEvent,
  changed: ReadonlySet<Json>,
  pointer: Pointer,
): boolean {
  if (!changed.has(printPointer(pointer.slice(0, 1)))) return false
  return pointer.length === 1 || !isDeepStrictEqual(getAt(before, pointer), getAt(after, pointer))
}

/** What `filter.actions` of IDM names: the operation, or the action on a pair of objects. */
function actionOf(topic: AuditTopic, { operation, action }: AuditEvent): string | undefined {
  const name = topic === 'activity' || topic === 'config' ? operation : action
  return typeof name === 'string' ? name.toLowerCase() : undefined
}

const namesOf = (pointer: string): Pointer => pointer.split('/').filter((name) => name !== '')

/** Names of headers are in lower case. */
const removal = (topic: AuditTopic, pointer: string): Pointer =>
  namesOf((pointer.startsWith(HEADERS) ? pointer.toLowerCase() : pointer).slice(topic.length + 1))

/** A copy without a field. Events are found by their ids, which stay. */
function withoutField(object: JsonObject, [name = '', ...rest]: Pointer): JsonObject {
  if (name === '_id' || !Object.hasOwn(object, name)) return object
  if (rest.length === 0) {
    const { [name]: _, ...others } = object
    return others
  }
  const inner: Json = object[name] ?? null
  return isObject(inner) ? { ...object, [name]: withoutField(inner, rest) } : object
}
