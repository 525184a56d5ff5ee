import { createHash } from 'node:crypto'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { PlanDigest } from '../context/plan-record.ts'
import type { Overrides } from '../context/run-options.ts'
import type { Script } from '../mapping/condition.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { mappingScripts } from '../mapping/mapping-scripts.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import { instanceIn } from '../read/remote-path.ts'
import type { InstanceAddress } from './instance-addresses.ts'

/** What a plan depends on in addition to its mapping. */
export interface DigestSources {
  /** The text of the script files in force that a script consists of, by name. */
  filesOf(script: Script): Promise<ReadonlyMap<string, string>>
  /** Where an instance is; undefined = there is none of this name. */
  addressOf(instance: string): InstanceAddress | undefined
}

export interface Digested extends ConfiguredMapping {
  /** The mapping whose links it uses. */
  readonly owner: Mapping | undefined
  /** The settings of the run that makes the plan. */
  readonly overrides: Overrides
}

/** The digest of a plan that would be made now. */
export async function planDigest(
  { mapping, config, owner, overrides }: Digested,
  sources: DigestSources | undefined,
): Promise<PlanDigest> {
  // How a run finds what changed is in its overrides.
  const { incremental: _, ...own } = config
  const parts = new Map<string, Json>([[`mapping ${mapping.name}`, { config: own, overrides: overrides as Json }]])
  if (owner && owner.name !== mapping.name) {
    const { source, target, sourceIdsCaseSensitive, targetIdsCaseSensitive } = owner
    parts.set(`mapping ${owner.name}`, { source, target, sourceIdsCaseSensitive, targetIdsCaseSensitive })
  }
  if (sources) {
    for (const [, script] of mappingScripts(mapping))
      for (const [name, text] of await filesOf(sources, script)) parts.set(`script ${name}`, text)
    for (const instance of instancesOf(mapping, overrides))
      parts.set(addressPart(instance), { ...sources.addressOf(instance) })
  }
  const digests = Object.fromEntries([...parts].sort().map(([name, content]) => [name, sha256(stableText(content))]))
  return { value: sha256(stableText(digests)), parts: digests }
}

/** The names of the parts that differ. Parts that only one has usually follow from another part that differs. */
export function changedParts({ parts: planned }: PlanDigest, { parts: now }: PlanDigest): string[] {
  const names = [...new Set([...Object.keys(planned), ...Object.keys(now)])]
  const differing = names.filter((name) => planned[name] !== now[name])
  const inBoth = differing.filter((name) => name in planned && name in now)
  return inBoth.length > 0 ? inBoth : differing
}

/** An unreadable script has a digest that no readable one has. */
async function filesOf(sources: DigestSources, script: Script): Promise<ReadonlyMap<string, string>> {
  try {
    return await sources.filesOf(script)
  } catch (error) {
    return new Map([[typeof script.file === 'string' ? script.file : 'source', `! ${(error as Error).message}`]])
  }
}

/** The instances that a mapping reads from and writes to. */
function instancesOf({ source, target, sourceQuery, targetQuery }: Mapping, overrides: Overrides): Set<string> {
  const queries = [sourceQuery, targetQuery, overrides.sourceQuery, overrides.targetQuery]
  const paths = [source, target, ...queries.flatMap((query) => query?.resourceName ?? [])]
  return new Set(paths.flatMap((path) => instanceIn(path) ?? []))
}

/** The name of a part of a digest. */
export const addressPart = (instance: string): string => `address of instance ${instance}`

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** JSON with members sorted by name: their order has no meaning in configuration. */
const stableText = (value: Json): string =>
  JSON.stringify(value, (_name, inner: Json) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
