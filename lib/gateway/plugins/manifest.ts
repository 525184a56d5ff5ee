/**
 * `plugin.json`: services and contributions of a plugin. The schema is the single source of types, messages and JSON
 * Schema.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { parseJson } from '../../core/json.ts'
import { faultsOf, z } from '../../core/schema.ts'
import { reasonOf } from '../project/start-error.ts'

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}, found an empty string`)
const names = (what: string) => z.array(text(what), `must be an array of ${what}s`).default([])

const POINTER_FORM = 'must be JSON pointers such as "password" or "proxy/password"'

const router = z.strictObject({
  mount: z.literal('/openidm', 'must be "/openidm"'),
  path: text('the path below the mount, such as "external/idm"').regex(/^[^/].*[^/]$/, 'must not begin or end with /'),
  /** `none`: GET and HEAD of the path and what is below it are served to everybody, before the login. */
  authentication: z.enum(['required', 'none'], 'must be "required", or "none" for files that everybody may read'),
})

const MIXED_ROUTERS = 'must all have the same authentication: put what needs no login into a plugin of its own'

const areAlike = (routers: readonly z.infer<typeof router>[]): boolean =>
  new Set(routers.map(({ authentication }) => authentication)).size <= 1

const pointers = z.array(z.string().regex(/^[^.]+$/, POINTER_FORM), POINTER_FORM).default([])

const configuration = z.strictObject({
  factoryPid: text('the name of the factory, such as "external.idm"'),
  files: text('a file pattern, such as "external.idm-*.json"'),
  schema: text('the path of a JSON Schema inside the folder').optional(),
  secretFields: pointers,
  /** Addresses that the secrets are sent to; a change of one requires the secrets again. */
  addressFields: pointers,
})

export const manifestSchema = z.strictObject({
  $schema: z.string('must be the path of the JSON Schema').optional(),
  id: z
    .string('must be a name')
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores'),
  version: text('the version of the plugin'),
  contractVersion: z.string('must be a text such as "1.0"').regex(/^\d+\.\d+$/, 'must be a text such as "1.0"'),
  main: text('the path of a JavaScript module inside the folder'),
  source: text('the path of a TypeScript module inside the folder').optional(),
  requires: names('service id'),
  optional: names('service id'),
  provides: names('service id'),
  contributes: z
    .strictObject({
      routers: z.array(router).refine(areAlike, MIXED_ROUTERS).default([]),
      configuration: z.array(configuration).default([]),
    })
    .prefault({}),
})

export type Manifest = z.infer<typeof manifestSchema>

/** The JSON Schema of `plugin.json` for editors; stored in plugin.schema.json. */
export const manifestJsonSchema = (): object => ({
  title: 'plugin.json of a gateway plugin',
  ...z.toJSONSchema(manifestSchema, { io: 'input' }),
})

/** A plugin folder with its validated manifest. */
export interface PluginFolder {
  /** Absolute, without symbolic links. */
  readonly dir: string
  readonly manifest: Manifest
  /** Absolute path of the module to import. */
  readonly entry: string
}

/**
 * Reads and validates `plugin.json` of `dir`.
 * @throws Error with all faults in its message
 */
export function readPluginFolder(dir: string): PluginFolder {
  const file = join(resolve(dir), 'plugin.json')
  const manifest = parseManifest(file)
  const root = realpathSync(resolve(dir))
  const faults: string[] = []
  const entry = entryOf(root, manifest, faults)
  for (const { factoryPid, schema } of manifest.contributes.configuration) {
    if (schema !== undefined) inside(root, schema, `schema of ${factoryPid}`, faults)
  }
  if (entry === undefined || faults.length > 0) throw new Error(`${file}: ${faults.join('; ')}`)
  return { dir: root, manifest, entry }
}

function parseManifest(file: string): Manifest {
  let content: unknown
  try {
    content = parseJson(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file}: ${reasonOf(error)}`, { cause: error })
  }
  const parsed = manifestSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const faults = faultsOf(parsed.error).map(({ key, message }) => (key === '' ? message : `${key}: ${message}`))
  throw new Error(`${file}: ${faults.join('; ')}`)
}

/** Uses TypeScript sources in a checkout, the build in `node_modules`, where Node does not strip types. */
function entryOf(root: string, { main, source }: Manifest, faults: string[]): string | undefined {
  const installed = root.split(sep).includes('node_modules')
  if (source !== undefined && !installed && existsSync(resolve(root, source))) {
    return inside(root, source, 'source', faults)
  }
  return inside(root, main, 'main', faults)
}

/**
 * Resolves `path` to a real path inside `root` (docs/pitfalls.md#names-as-paths); otherwise adds a fault and returns
 * undefined.
 */
function inside(root: string, path: string, key: string, faults: string[]): string | undefined {
  try {
    const real = realpathSync(resolve(root, path))
    const way = relative(root, real)
    if (way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return real
    faults.push(`${key}: ${path} is outside the plugin folder`)
  } catch (error) {
    faults.push(`${key}: ${path} ${reasonOf(error)}`)
  }
  return undefined
}
