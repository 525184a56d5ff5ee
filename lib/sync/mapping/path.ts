import { z } from '../../core/schema.ts'
import { type Pointer, parsePointer, printPointer } from '../../crest/pointer.ts'
import { normalizePath } from '../../crest/protocol/resource-path.ts'

const PATH_FORM = 'must be the path of a resource, such as "external/idm/eu/managed/user"'

/** `source` and `target` of a mapping. */
export const resourcePathSchema = z.string(PATH_FORM).transform((text, context) => {
  try {
    const path = normalizePath(text)
    if (path !== '') return path
    context.addIssue({ code: 'custom', message: PATH_FORM })
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${PATH_FORM}: ${(error as Error).message}` })
  }
  return z.NEVER
})

/** A collection of a remote. */
export interface RemoteSource {
  readonly instance: string
  /** At the remote, such as `managed/user`. */
  readonly path: string
}

/** The collection of a remote that a mapping names; undefined for one of this gateway. */
export function remoteSourceOf(source: string): RemoteSource | undefined {
  const [, instance, path] = /^\/?external\/idm\/([^/]+)\/(.+)$/.exec(source) ?? []
  return instance !== undefined && path !== undefined ? { instance, path } : undefined
}

const POINTER_FORM = 'must be the name of a field, such as "mail" or "name/givenName"'

function pointer(text: string, context: z.RefinementCtx): Pointer {
  try {
    return parsePointer(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${POINTER_FORM}: ${(error as Error).message}` })
    return z.NEVER
  }
}

/** `target` of a property: a field of the target. */
export const targetPointerSchema = z.string(POINTER_FORM).transform((text, context) => {
  const field = pointer(text, context)
  if (field.length === 0) context.addIssue({ code: 'custom', message: POINTER_FORM })
  return field
})

/** A field of an object. */
export const pointerSchema = z.string(POINTER_FORM).transform(pointer)

/** `source` of a property: undefined when it has none, and empty for the whole object. */
export const sourcePointerSchema = z
  .string(POINTER_FORM)
  .nullish()
  .transform((text, context) => (text === null || text === undefined ? undefined : pointer(text, context)))

const FIELDS_FORM = 'must be an array of field names, or one text that holds them separated by commas'

/** The fields to request; undefined = all. */
export const fieldsSchema = z
  .union([z.string(), z.array(z.string())], FIELDS_FORM)
  .nullish()
  .transform((value, context): string[] | undefined => {
    const names = (typeof value === 'string' ? value.split(',') : (value ?? [])).map((name) => name.trim())
    const fields = names.filter((name) => name !== '')
    for (const name of fields.filter((name) => !name.includes('*'))) printPointer(pointer(name, context))
    return fields.length === 0 ? undefined : fields
  })
