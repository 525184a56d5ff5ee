/** Which mapping `init` makes, if any: as an option says, or as is answered at the terminal. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readCurrent } from '../../config/files/current-file.ts'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Scope } from '../../core/scope.ts'
import { reasonOf, StartError } from '../../gateway/project/start-error.ts'
import type { Instance } from '../../remote/instance/instance.ts'
import { UsageError } from '../command.ts'
import { type Output, widthOf } from '../output.ts'
import type { Prompts } from '../prompts.ts'
import { table, wrapped } from '../text.ts'
import { openInstances } from '../trust-fetch.ts'
import { managedTypes } from './managed-types.ts'
import { type Comparison, compareTypes, type ManagedType, mappingOf } from './mapping.ts'

export interface PlannedMapping {
  readonly name: string
  readonly content: JsonObject
}

export interface MappingPlanOptions {
  readonly confDir: string
  readonly env: NodeJS.ProcessEnv
  /** Those that are about to be written; they take the place of others with the same name. */
  readonly added: ReadonlyMap<string, Instance>
  /** `eu=us`, or `eu/managed/user=us/managed/alpha_user`. */
  readonly map: string | undefined
  readonly overwrite: boolean
  readonly prompts: Prompts | undefined
  readonly stdout: Output
}

/** One side of a mapping. */
interface Side {
  readonly instance: Instance
  /** Undefined = to be chosen. */
  readonly type: string | undefined
}

/**
 * @param scope owns the instances of the project that are opened
 * @returns undefined when none is wanted
 * @throws StartError, UsageError, ResourceException when the mapping of `map` cannot be made
 */
export async function planMapping(scope: Scope, options: MappingPlanOptions): Promise<PlannedMapping | undefined> {
  const { map, prompts, stdout } = options
  if (map === undefined && !prompts) return undefined
  const instances = await candidates(scope, options)
  if (map !== undefined) return plan(sidesOf(map, instances), options)
  if (!prompts || instances.size < 2) return undefined
  if (!(await prompts.confirm('Make a mapping between two remotes?', true))) return undefined
  const names = [...instances.keys()]
  const from = await prompts.choose('Source: read from', choicesOf(names))
  const rest = names.filter((name) => name !== from)
  const to = rest.length > 1 ? await prompts.choose('Target: write to', choicesOf(rest)) : (rest[0] ?? '')
  const sides = [from, to].map((name) => ({ instance: required(instances, name), type: undefined }))
  try {
    return await plan(sides, options)
  } catch (error) {
    stdout.write(`${wrapped(`There is no mapping: ${reasonOf(error)}`, widthOf(stdout)).join('\n')}\n`)
    return undefined
  }
}

async function candidates(scope: Scope, { confDir, env, added }: MappingPlanOptions): Promise<Map<string, Instance>> {
  if (!existsSync(confDir)) return new Map(added)
  const registry = await openInstances(scope, confDir, env)
  const existing = [...registry.statuses()].flatMap(({ name }) => {
    const instance = registry.get(name)
    return instance ? [[name, instance] as const] : []
  })
  return new Map([...existing, ...added])
}

function sidesOf(map: string, instances: ReadonlyMap<string, Instance>): Side[] {
  const sides = map.split('=').map((text) => /^([^/]+)(?:\/managed\/([^/]+))?$/.exec(text))
  if (sides.length !== 2 || sides.includes(null))
    throw new UsageError(`--map: must be SOURCE=TARGET, such as eu=us or eu/managed/user=us/managed/alpha_user`)
  return sides.map((side) => ({ instance: required(instances, side?.[1] ?? ''), type: side?.[2] }))
}

function required(instances: ReadonlyMap<string, Instance>, name: string): Instance {
  const instance = instances.get(name)
  if (instance) return instance
  throw new StartError(`--map: there is no remote ${name}; there are ${[...instances.keys()].join(', ') || 'none'}`)
}

async function plan([from, to]: readonly Side[], options: MappingPlanOptions): Promise<PlannedMapping> {
  if (!from || !to) throw new StartError('a mapping needs a source and a target')
  const { prompts, confDir, stdout, overwrite } = options
  const source = await typeOf(from, prompts)
  const target = await typeOf(to, prompts)
  const name = [from.instance.name, to.instance.name, ...(isUser(source) ? [] : [source.name])].join('_')
  const file = `mapping-${name}.json`
  if (!overwrite && existsSync(join(confDir, file))) throw new StartError(`${file} exists; --overwrite replaces it`)
  if (inSyncFile(confDir, name)) throw new StartError(`sync.json has a mapping ${name} already`)
  const comparison = compareTypes(source, target)
  if (comparison.mapped.length === 0) throw new StartError(`${name}: no field has the same name and type on both sides`)
  stdout.write(comparisonText(name, comparison, widthOf(stdout)))
  const [sourcePath, targetPath] = [
    `external/idm/${from.instance.name}/managed/${source.name}`,
    `external/idm/${to.instance.name}/managed/${target.name}`,
  ]
  return { name, content: mappingOf(sourcePath, targetPath, comparison) }
}

const isUser = ({ name }: ManagedType): boolean => /^(?:.+_)?user$/.test(name)

async function typeOf({ instance, type }: Side, prompts: Prompts | undefined): Promise<ManagedType> {
  const types = await managedTypes(instance)
  const names = types.map(({ name }) => name)
  const users = types.filter(isUser)
  const chosen =
    type ??
    (types.length > 1 && prompts
      ? await prompts.choose(`Type of objects at ${instance.name}`, choicesOf(usersFirst(names)))
      : (users.length === 1 ? users : types.length === 1 ? types : [])[0]?.name)
  const found = types.find(({ name }) => name === chosen)
  if (found) return found
  throw new StartError(
    `--map: say which type of ${instance.name}, such as ${instance.name}/managed/${names.join(' or ')}`,
  )
}

const usersFirst = (names: readonly string[]): string[] =>
  names.toSorted((one, other) => Number(other.endsWith('user')) - Number(one.endsWith('user')))

const choicesOf = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, name]))

/** A mapping of `sync.json` with the same name would put both out of force. */
function inSyncFile(confDir: string, name: string): boolean {
  const content = readCurrent(join(confDir, 'sync.json'))?.content
  const mappings = content?.mappings
  return Array.isArray(mappings) && mappings.some((mapping) => isObject(mapping) && mapping.name === name)
}

function comparisonText(name: string, comparison: Comparison, width: number): string {
  const { mapped, unmapped, correlation, lacking } = comparison
  const found = correlation === undefined ? 'nothing: add correlationQuery' : correlation
  return [
    '',
    ...wrapped(`Mapping ${name}. Mapped: ${mapped.join(', ')}`, width),
    `Existing objects are found by ${found}`,
    ...(lacking.length > 0 ? wrapped(`Required at the target, and not mapped: ${lacking.join(', ')}`, width) : []),
    ...(unmapped.length > 0 ? ['Not mapped:', table(unmapped, { width, indent: 2 })] : ['']),
    '',
  ].join('\n')
}
