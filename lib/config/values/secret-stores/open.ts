import { resolve } from 'node:path'
import type { Json, JsonObject } from '../../../contract.ts'
import { faultsOf, z } from '../../../core/schema.ts'
import type { TokenSource } from '../substitution/value-sources.ts'
import {
  type KeystoreReader,
  type Mapping,
  readFileStore,
  readKeyStore,
  readPropertyStore,
  SECRET_FORMATS,
  type Secrets,
} from './kinds.ts'

/** One store of `conf/secrets.json`, read. */
export interface Store {
  readonly name: string
  readonly mapped: ReadonlySet<string>
  /** The secrets, or why the store cannot be read. */
  readonly secrets: Secrets | string
  /** File or directory to watch. */
  readonly path?: string | undefined
}

export interface OpenStoreOptions {
  readonly projectDir: string
  readonly sources: TokenSource
  /** Required for keystores. */
  readonly readKeystore?: KeystoreReader
}

const text = z.string('must be a text')
const format = z.enum(SECRET_FORMATS, `must be one of ${SECRET_FORMATS.join(', ')}`)
const alias = z.union([text, z.object({ alias: text }).transform((entry) => entry.alias)], 'must be a text')
const mapping = z.object({ secretId: text, format: format.optional(), aliases: z.array(alias).default([]) })
const mappings = z.array(mapping, 'must be an array of mappings').default([])
const storeSchema = z.object({ name: text.default('(no name)'), class: text, config: z.looseObject({ mappings }) })
const fileSchema = z.object({
  directory: text,
  format: format.default('PLAIN'),
  versionSuffix: text.optional(),
  encryptionKey: z.undefined('is not supported: restrict access to the directory instead').optional(),
})
const propertySchema = z.object({ format: format.default('PLAIN') })
const keystoreSchema = z.object({ file: text, storePassword: text.default('changeit') })

/**
 * Reads one store. A store that cannot be read is returned with the reason.
 * @throws Error when `json` does not describe a store
 */
export async function openStore(json: Json, options: OpenStoreOptions): Promise<Store> {
  const { name, class: className, config } = checked(storeSchema, json)
  const store = { name, mapped: new Set(config.mappings.map(({ secretId }) => secretId)) }
  const path = pathOf(config, options.projectDir)
  try {
    return { ...store, path, secrets: await readKind(className, config as JsonObject, config.mappings, options) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { ...store, path, secrets: code === undefined ? message : `${path} cannot be read (${code})` }
  }
}

function pathOf(config: Readonly<Record<string, unknown>>, projectDir: string): string | undefined {
  const path = config.directory ?? config.file
  return typeof path === 'string' ? resolve(projectDir, path) : undefined
}

function readKind(
  className: string,
  config: JsonObject,
  mapped: readonly Mapping[],
  { projectDir, sources, readKeystore }: OpenStoreOptions,
): Secrets | Promise<Secrets> {
  switch (className.slice(className.lastIndexOf('.') + 1)) {
    case 'FileSystemStore': {
      const settings = checked(fileSchema, config)
      return readFileStore({ ...settings, directory: resolve(projectDir, settings.directory) }, mapped)
    }
    case 'PropertyBasedStore':
      return readPropertyStore(checked(propertySchema, config).format, mapped, sources)
    case 'KeyStoreSecretStore':
    case 'FileBasedStore': {
      const settings = checked(keystoreSchema, config)
      if (!readKeystore) throw new Error('keystores are not supported here')
      return readKeyStore({ ...settings, file: resolve(projectDir, settings.file) }, mapped, readKeystore)
    }
    default:
      throw new Error('its class must be FileSystemStore, PropertyBasedStore or KeyStoreSecretStore')
  }
}

function checked<T>(schema: z.ZodType<T>, json: Json): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new Error(
    faultsOf(parsed.error)
      .map(({ key, message }) => `${key}: ${message}`)
      .join('; '),
  )
}
