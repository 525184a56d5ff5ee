import type { Json } from '../../contract.ts'
import { hideSecrets, isSecretName, STARS } from '../../core/hidden-secrets.ts'
import { isObject } from '../../core/json.ts'
import type { RecordedWrite } from '../../crest/protocol/recorder.ts'
import type { FieldChange } from '../../repo/run-rows.ts'

/**
 * Changes of fields as a person may see them: secrets, and what stands encrypted or hashed, are stars.
 * @param secrets fields that are secret besides, as `differences` writes fields; undefined = nobody knows which, and all are stars
 */
export const maskedChanges = (changes: readonly FieldChange[], secrets: ReadonlySet<string> | undefined): Json[] =>
  changes.map(({ field, from, to, ...flags }) => {
    const show = (value: Json): Json => masked(value, field, secrets)
    return { field, from: show(from), to: show(to), ...flags }
  })

/** What scripts would write, with the same stars. */
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

function maskedOperation(operation: Json, secrets: ReadonlySet<string> | undefined): Json {
  if (!isObject(operation) || operation.value === undefined) return operation
  return { ...operation, value: masked(operation.value, String(operation.field), secrets) }
}

function masked(value: Json, field: string, secrets: ReadonlySet<string> | undefined): Json {
  const names = field.split('/')
  // A field within one that is secret is secret too.
  const isHidden =
    !secrets || names.some((name, index) => isSecretName(name) || secrets.has(names.slice(0, index + 1).join('/')))
  if (isHidden) return value === null ? null : STARS
  // A list has no place of its own: `/b/c` is what each element of `/b` has.
  const isSecret = (place: readonly string[]) => secrets.has(place.filter((name) => !/^\d+$/.test(name)).join('/'))
  return hideSecrets(value, { isSecret }, names)
}
