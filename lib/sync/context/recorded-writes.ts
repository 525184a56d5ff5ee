import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { RecordedWrite } from '../../crest/protocol/recorder.ts'
import { childPath, normalizePath } from '../../crest/protocol/resource-path.ts'
import type { Row } from '../../repo/runs/run-row.ts'

/** Executes a recorded write. @returns the answer */
export type Replay = (write: RecordedWrite) => Promise<unknown>

/** Whether two recordings are equal but for revisions, which change with fields that the mapping does not use. */
export const isSameWrites = (left: readonly RecordedWrite[], right: readonly RecordedWrite[]): boolean =>
  isDeepStrictEqual(left.map(withoutRevision), right.map(withoutRevision))

function withoutRevision({ revision: _, content, ...write }: RecordedWrite): Json {
  if (!isObject(content)) return { ...write, content: content ?? null } as unknown as Json
  const { _rev, ...rest } = content
  return { ...write, content: rest } as unknown as Json
}

/**
 * Executes the recorded writes of a row in their order. Replaces the placeholders of new ids, in the row too, as soon as
 * servers have assigned the ids.
 * @returns whether a write has changed the target
 * @throws ResourceException for the first write that fails; those after it are not executed
 */
export async function flush(row: Row, targetPath: string, replay: Replay): Promise<boolean> {
  const writes = [...(row.writes ?? [])]
  for (let index = 0; index < writes.length; index++) {
    const write = writes[index] as RecordedWrite
    const answer = await replay(write).catch((error: unknown) => {
      throw failureOf(write, error, index, writes.length)
    })
    const id = isObject(answer) ? answer.id : undefined
    if (write.placeholder === undefined || typeof id !== 'string') continue
    const { placeholder } = write
    for (const [later, { path, ...rest }] of writes.entries())
      writes[later] = {
        ...(substituted(rest as unknown as Json, placeholder, id) as unknown as RecordedWrite),
        path: path.replaceAll(placeholder, encodeURIComponent(id)),
      }
    row.mapped = substituted(row.mapped, placeholder, id) as Row['mapped']
    row.changes = substituted(row.changes as Json, placeholder, id) as unknown as Row['changes']
  }
  const target = row.targetId === null ? undefined : normalizePath(childPath(targetPath, row.targetId))
  return writes.some(({ path }) => path === target)
}

/** Never 412, which would mean that the decision is outdated. */
function failureOf({ method, path, action }: RecordedWrite, error: unknown, index: number, count: number) {
  const { code, message } = toResourceException(error)
  const what = `${action ?? method} of ${path}, which a script of the mapping requested, failed: ${message}`
  const before = index === 0 ? 'nothing was written' : `of ${count} such writes the first ${index} were made`
  return new ResourceException(code === 412 ? 409 : code, `${what}; ${before}`, { cause: error })
}

function substituted(value: Json, placeholder: string, id: string): Json {
  if (typeof value === 'string') return value.replaceAll(placeholder, id)
  if (Array.isArray(value)) return value.map((one) => substituted(one, placeholder, id))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, substituted(one, placeholder, id)]))
}
