import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationChange } from '../../config/rest/resource.ts'
import type { JsonObject, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { livenessOf } from '../../sync/mapping/liveness.ts'
import { Acceptance, type Accepted } from '../project/acceptance.ts'
import type { Project } from '../project/project.ts'
import { isDisabled } from '../schedules/schedule.ts'
import type { HostConfiguration } from './host-configuration.ts'

/** Which schedules and mappings of a project wait to be accepted. Must be made before the database is opened. */
export const acceptanceOf = (
  project: Project,
  { directory, settings }: Pick<HostConfiguration, 'directory' | 'settings'>,
  log: Logger,
): Acceptance =>
  new Acceptance({
    project,
    files: () =>
      directory.objects().map(({ name: { id, factoryPid, alias }, file, raw }) => ({
        name: basename(file),
        schedule: factoryPid === 'schedule' && raw && !isDisabled(raw) ? (alias ?? undefined) : undefined,
        mappings: id === 'sync' ? listed(raw) : factoryPid === 'mapping' ? single(alias, raw) : [],
      })),
    live: () => settings.value.live,
    log,
  })

/** undefined when the file holds no list, or an expression makes a name of it. */
function listed(raw: JsonObject | undefined): string[] | undefined {
  const mappings = raw?.mappings
  if (!Array.isArray(mappings)) return undefined
  const live = mappings.filter((mapping) => isObject(mapping)).filter((mapping) => livenessOf(mapping).length > 0)
  const found = live.map(({ name }) => (typeof name === 'string' ? name : ''))
  return found.some((name) => name.includes('&{')) ? undefined : found
}

/** A mapping that cannot be read may be one that carries changes over. */
const single = (alias: string | null, raw: JsonObject | undefined): string[] =>
  alias !== null && (raw === undefined || livenessOf(raw).length > 0) ? [alias] : []

/** What a write over REST has made the gateway's own: of a list of mappings, those that it has changed. */
export function ownedBy({ id, before, after }: ConfigurationChange): Partial<Accepted> {
  const [pid, name] = id.split('/')
  if (!after) return {}
  if (pid === 'schedule' && name !== undefined) return { schedules: [name] }
  if (pid === 'mapping' && name !== undefined) return { mappings: [name] }
  if (id !== 'sync') return {}
  const [old, own] = [before, after].map((content) => mappingsIn(content))
  const changed = [...(own ?? [])].filter(([mapping, config]) => !isDeepStrictEqual(old?.get(mapping), config))
  return { mappings: changed.map(([mapping]) => mapping) }
}

function mappingsIn(content: JsonObject | undefined): ReadonlyMap<string, JsonObject> {
  const mappings = Array.isArray(content?.mappings) ? content.mappings : []
  return new Map(mappings.filter((mapping) => isObject(mapping)).map((mapping) => [String(mapping.name), mapping]))
}
