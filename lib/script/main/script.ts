import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../../crest/errors.ts'

/** A variable with the `openidm` functions of one resource. */
export interface ResourceBinding {
  readonly resource: string
  readonly version?: string
  readonly binding: string
}

/** A script object of a configuration. */
export interface ScriptDefinition {
  readonly code: { readonly source: string } | { readonly file: string }
  /** `globals` and all unknown members. */
  readonly variables: JsonObject
  readonly bindings: readonly ResourceBinding[]
}

const JAVASCRIPT = 'text/javascript'
/** The names that IDM's script engine registers, with parameters such as `;charset=utf-8`. */
const JAVASCRIPT_FORMS = /^(?:(?:text|application)\/)?(?:x-)?(?:java|ecma)script\s*(?:;.*)?$/i

/** @throws ResourceException 400 that names the member and what is allowed */
export function parseScript(script: Json): ScriptDefinition {
  if (!isObject(script)) throw badRequest('A script must be an object with "type" and "source" or "file"')
  const { type, source, file, globals = {}, resourceBindings = [], ...others } = script
  checkType(type)
  if (!isObject(globals)) throw badRequest('The script: "globals" must be an object')
  return {
    code: codeOf(source, file),
    variables: { ...others, ...globals },
    bindings: parseBindings(resourceBindings),
  }
}

function checkType(type: Json | undefined): void {
  if (typeof type === 'string' && JAVASCRIPT_FORMS.test(type.trim())) return
  if (typeof type === 'string' && /groovy/i.test(type))
    throw badRequest(`The script: Groovy is not supported, "type" must be "${JAVASCRIPT}"`, {
      cure: 'write it in JavaScript, or take it out',
    })
  throw badRequest(`The script: "type" must be "${JAVASCRIPT}"`)
}

function codeOf(source: Json | undefined, file: Json | undefined): ScriptDefinition['code'] {
  if (typeof source === 'string' && file === undefined) return { source }
  if (typeof file === 'string' && file !== '' && source === undefined) return { file }
  throw badRequest('The script: either "source" or "file" must be a string')
}

function parseBindings(bindings: Json): ResourceBinding[] {
  if (!Array.isArray(bindings)) throw badRequest('The script: "resourceBindings" must be an array')
  return bindings.map((item) => {
    if (isObject(item) && typeof item.resource === 'string' && typeof item.binding === 'string') {
      const { resource, binding, version } = item
      if (version === undefined || version === null) return { resource, binding }
      if (typeof version === 'string') return { resource, binding, version }
    }
    throw badRequest(
      'The script: each of "resourceBindings" must have the strings "resource" and "binding", and may have "version"',
    )
  })
}

/** A digest of the source. */
export const versionOf = (source: string): string =>
  createHash('sha256').update(source).digest('base64url').slice(0, 16)
