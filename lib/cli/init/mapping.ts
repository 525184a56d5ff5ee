/** A first mapping between two managed types: fields of the same name and type, and why the others are left out. */
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'

/** A type of managed objects, as `config/managed` or `schema/managed/TYPE` of a remote describe it. */
export interface ManagedType {
  /** Such as `user`. */
  readonly name: string
  readonly properties: JsonObject
  readonly required: readonly string[]
}

export interface Comparison {
  readonly mapped: readonly string[]
  readonly unmapped: readonly (readonly [field: string, reason: string])[]
  /** The mapped field by which existing objects are found; undefined if there is none. */
  readonly correlation: string | undefined
  /** Fields that the target requires and that are not mapped. */
  readonly lacking: readonly string[]
}

/** Mapped, these identify an object where no field is unique. */
const IDENTIFYING = ['userName', 'name', 'mail']

/** Compares two types. `_id` and `_rev` belong to each side itself. */
export function compareTypes(source: ManagedType, target: ManagedType): Comparison {
  const names = [...new Set([...Object.keys(source.properties), ...Object.keys(target.properties)])]
  const judged = names
    .filter((name) => !name.startsWith('_'))
    .map((name) => [name, whyNot(source.properties[name], target.properties[name])] as const)
  const mapped = judged.flatMap(([name, reason]) => (reason === undefined ? [name] : []))
  const unmapped = judged.flatMap(([name, reason]) => (reason === undefined ? [] : [[name, reason] as const]))
  const unique = mapped.find((name) => isUnique(target.properties[name]))
  const correlation = unique ?? IDENTIFYING.find((name) => mapped.includes(name))
  return { mapped, unmapped, correlation, lacking: target.required.filter((name) => !mapped.includes(name)) }
}

function whyNot(source: Json | undefined, target: Json | undefined): string | undefined {
  if (!isObject(source)) return 'missing at the source'
  const ownReason = obstacle(source)
  if (ownReason !== undefined) return `${ownReason} at the source`
  if (!isObject(target)) return 'missing at the target'
  const reason = obstacle(target) ?? (target.isVirtual === true ? 'computed' : undefined)
  if (reason !== undefined) return `${reason} at the target`
  const [one, other] = [typeOf(source), typeOf(target)]
  return one === other ? undefined : `${one} at the source, ${other} at the target`
}

/** Why the values of a property can be neither read nor compared. */
function obstacle({ type, items, scope, secureHash, encryption }: JsonObject): string | undefined {
  const types = [type, isObject(items) ? items.type : undefined].flat()
  if (types.includes('relationship')) return 'a relationship'
  if (scope === 'private') return 'private'
  if (secureHash) return 'hashed'
  return encryption ? 'encrypted' : undefined
}

/** As text, such as `string` or `array of object`; whether it may be null does not matter. */
function typeOf({ type, items }: JsonObject): string {
  const names = [type].flat().filter((name) => typeof name === 'string' && name !== 'null')
  const text = names.toSorted().join(' or ') || 'any type'
  return text === 'array' && isObject(items) && items.type ? `array of ${typeOf(items)}` : text
}

const isUnique = (property: Json | undefined): boolean =>
  isObject(property) &&
  Array.isArray(property.policies) &&
  property.policies.some((policy) => isObject(policy) && policy.policyId === 'unique')

/** The content of `mapping-NAME.json`. Policies are left to their defaults, which delete nothing that is in use. */
export const mappingOf = (source: string, target: string, { mapped, correlation }: Comparison): JsonObject => ({
  source,
  target,
  ...(correlation !== undefined && {
    correlationQuery: [
      {
        linkQualifier: 'default',
        expressionTree: { any: [correlation] },
        type: 'text/javascript',
        file: 'ui/correlateTreeToQueryFilter.js',
      },
    ],
  }),
  properties: mapped.map((name) => ({ source: name, target: name })),
})
