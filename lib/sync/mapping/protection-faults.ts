import { printPointer } from '../../crest/pointer.ts'
import type { Mapping, Property } from './mapping.ts'
import type { PrivateFields } from './private-fields.ts'

/** The protection of fields of managed objects. */
export type Protections = Pick<PrivateFields, 'protectionOf' | 'protectedNames'>

const REMOTE = /^external\/idm\//

/**
 * Faults of properties that cannot be filled: a hash does not reveal its value, and a remote cannot decrypt an envelope of
 * this gateway.
 */
export function protectionFaults({ source, target, properties }: Mapping, protections?: Protections): string[] {
  if (!protections) return []
  return properties.flatMap((property, index) => {
    const place = `properties.${index}.source`
    const hashed = protections.protectedNames(source, 'hashed').find((name) => reads(property, name))
    if (hashed !== undefined) return [`${place}: "${hashed}" of ${source} is hashed: its value cannot be read`]
    const pointer = property.source ?? []
    const isCopied = pointer.length > 0 && !property.transform && REMOTE.test(target)
    if (!isCopied || protections.protectionOf(source, pointer) !== 'encrypted') return []
    return [
      `${place}: ${printPointer(pointer)} of ${source} is encrypted with the key of this gateway: a transform has to decrypt it (openidm.decrypt(source))`,
    ]
  })
}

/** Whether a property reads a field, by its name or in a transform of the whole object. */
function reads({ source = [], transform }: Property, name: string): boolean {
  if (source.length > 0) return source[0] === name
  const text = typeof transform?.source === 'string' ? transform.source : ''
  return [`source.${name}`, `source["${name}"]`, `source['${name}']`].some((form) => mentions(text, form))
}

/** Whether the text contains the form, and not as the beginning of a longer name. */
function mentions(text: string, form: string): boolean {
  const behind = text.split(form).slice(1)
  return behind.some((rest) => !/^[\w$]/.test(rest))
}
