import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { asWritten } from '../../config/files/as-written.ts'
import type { ConfigurationObject, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { faultsOf } from '../../core/schema.ts'
import { type Mapping, mappingSchema } from './mapping.ts'
import { type Compiler, scriptFaults } from './mapping-scripts.ts'
import { type Protections, protectionFaults } from './protection-faults.ts'
import { ownRelationshipFaults, relationshipFaults } from './relationship-faults.ts'

/** A mapping in force. */
export interface ConfiguredMapping {
  readonly mapping: Mapping
  /** As configured, with its name. */
  readonly config: JsonObject
}

/** A mapping as it was found: in an array of mappings, or in a file of its own. */
export interface MappingSource {
  /** Empty when it has none. */
  readonly name: string
  readonly file: string
  /** Where in the file: `mappings.2`; undefined when the file is the mapping. */
  readonly key: string | undefined
  /** Undefined when it cannot be read. */
  readonly config: JsonObject | undefined
  /** The same with its expressions as they are written, where that differs: what messages show. */
  readonly raw?: JsonObject | undefined
  /** Why it cannot be read; logged by the reader of the file. */
  readonly unread?: string | undefined
  /** One sentence that names the place: why it is not judged by itself. */
  readonly error?: string | undefined
  /** What is wrong with it beside the other mappings. */
  readonly beside?: readonly string[] | undefined
}

/** For messages: `sync.json: mappings.2`, `mapping-eu.json`. */
export const placeOf = ({ file, key }: MappingSource): string =>
  key === undefined ? basename(file) : `${basename(file)}: ${key}`

/** The mappings of `sync.json`; undefined when it is none that holds mappings. */
export function listed({
  file,
  content,
  raw,
}: Pick<ConfigurationObject, 'file' | 'content' | 'raw'>): MappingSource[] | undefined {
  if (!Array.isArray(content?.mappings)) return undefined
  const written = Array.isArray(raw?.mappings) ? raw.mappings : []
  return content.mappings.map((entry, index) => {
    const config = isObject(entry) ? entry : {}
    const own = written[index]
    const name = typeof config.name === 'string' ? config.name : ''
    return { name, file, key: `mappings.${index}`, config, ...(isObject(own) && { raw: own }) }
  })
}

/** The mapping of `mapping-NAME.json`. */
export function single({ id, file, content, raw, error }: Omit<ConfigurationObject, 'alias'>): MappingSource {
  const name = id.slice(id.indexOf('/') + 1)
  return {
    name,
    file,
    key: undefined,
    config: content && { ...content, name },
    ...(raw && { raw: { ...raw, name } }),
    unread: content ? undefined : (error ?? `${basename(file)}: it cannot be read`),
  }
}

/** Who judges what the schema of a mapping does not. */
export interface MappingJudges {
  /** Absent: the host runs no scripts. */
  readonly compiler?: Compiler
  readonly protections?: Protections
  /** Whether a route serves a path. Absent: routes come and go. */
  readonly isServed?: (path: string) => boolean
  /** Whether a mapping waits to be accepted. */
  readonly isHeld?: (mapping: string) => boolean
}

/** What is wrong with a mapping: one sentence for each fault. */
export async function mappingFaults(config: JsonObject, judges: MappingJudges): Promise<string[]> {
  const faults = schemaFaults(config)
  if (faults.length > 0) return faults
  const mapping = mappingSchema.parse(config)
  return [
    ...routeFaults(mapping, judges.isServed),
    ...ownRelationshipFaults(mapping),
    ...protectionFaults(mapping, judges.protections),
    ...(await scriptFaults(mapping, judges.compiler)),
  ]
}

/** What is wrong with mappings beside each other. @param mayLack see `relationshipFaults` */
export function faultsBeside(
  sources: readonly MappingSource[],
  mayLack = false,
): ReadonlyMap<MappingSource, readonly string[]> {
  const parsed = sources.flatMap((source) => {
    const { success, data } = mappingSchema.safeParse(source.config)
    return success && source.error === undefined ? [{ source, mapping: data }] : []
  })
  const all = parsed.map(({ mapping }) => mapping)
  const found = parsed.map(({ source, mapping }) => [source, relationshipFaults(mapping, all, mayLack)] as const)
  return new Map(found.filter(([, faults]) => faults.length > 0))
}

function routeFaults(mapping: Mapping, isServed: MappingJudges['isServed']): string[] {
  if (!isServed) return []
  const lacking = (['source', 'target'] as const).filter((side) => !isServed(mapping[side]))
  return lacking.map((side) => `${side}: nothing serves ${mapping[side]} here; ${cureOf(mapping[side])}`)
}

const cureOf = (path: string): string =>
  path.startsWith('managed/')
    ? `only the reference gateway has managed objects of its own; those of a remote are external/idm/NAME/${path}`
    : 'name a collection of a remote: external/idm/NAME/…'

function schemaFaults(config: JsonObject): string[] {
  const parsed = mappingSchema.safeParse(config)
  if (parsed.success) return []
  return faultsOf(parsed.error).map(({ key, message }) => (key === '' ? message : `${key}: ${message}`))
}

/** What is wrong with a mapping, in one sentence that names the place and shows what stands in the file. */
export function faultText(source: MappingSource, faults: string): string {
  const { name, raw, config, unread, error } = source
  const own = error ?? unread
  if (own !== undefined) return own
  const text = `${placeOf(source)}: mapping ${name || 'without a name'}: ${faults}`
  return raw && config ? asWritten(text, raw, config) : text
}

/**
 * Names that more than one mapping has, with where these are. The same mapping in `sync.json` and in a file of its own is
 * no contradiction: tools that move one between the two write it first and take it away then.
 */
export function takenTwice(entries: readonly MappingSource[]): ReadonlyMap<string, string> {
  const byName = Map.groupBy(
    entries.filter(({ name }) => name !== ''),
    ({ name }) => name,
  )
  const twice = [...byName].filter(([, group]) => isContradiction(group))
  return new Map(twice.map(([name, group]) => [name, group.map(placeOf).join(' and ')]))
}

function isContradiction(group: readonly MappingSource[]): boolean {
  const [first, second, ...others] = group
  if (!first || !second) return false
  const isInBothForms = (first.key === undefined) !== (second.key === undefined)
  return others.length > 0 || !isInBothForms || !isDeepStrictEqual(essence(first), essence(second))
}

/** What tools add to a mapping in a file of its own is left out. */
function essence({ config }: MappingSource): JsonObject {
  const { _id, syncAfter, ...rest } = config ?? {}
  return rest
}

export const takenTwiceFault = (name: string, places: string): string =>
  `there is more than one mapping "${name}": ${places}; none of them is in force`
