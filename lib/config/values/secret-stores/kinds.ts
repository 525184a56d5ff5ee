/** The kinds of store that `conf/secrets.json` can name. */
import type { KeyObject } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readFileBounded } from '../../files/file-read.ts'
import { evaluateExpression } from '../substitution/expression.ts'
import type { TokenSource } from '../substitution/value-sources.ts'
import { decodeSecret, type SecretFormat } from './format.ts'

/** What a mapping of `conf/secrets.json` says of one secret. */
export interface Mapping {
  readonly secretId: string
  readonly format?: SecretFormat | undefined
  readonly aliases: readonly string[]
}

/** One store, read: a secret, or a function that throws the sentence which says why there is none. */
export type Secrets = ReadonlyMap<string, () => string>

/** A file name that stays in its directory on every system. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/

export interface FileStoreConfig {
  readonly directory: string
  readonly format: SecretFormat
  /** `.v`: the file with the highest number behind it counts. */
  readonly versionSuffix?: string | undefined
}

/** One file for each mapped secret, its name the secret's. An absent file is an absent secret: another store may have it. */
export function readFileStore(config: FileStoreConfig, mappings: readonly Mapping[]): Secrets {
  const names = readdirSync(config.directory)
  const secrets = mappings.flatMap(({ secretId, format = config.format }): (readonly [string, () => string])[] => {
    if (!FILE_NAME.test(secretId)) return [[secretId, failing('its name is not one for a file')]]
    const name = activeName(names, secretId, config.versionSuffix)
    return name === undefined ? [] : [[secretId, readSecretFile(join(config.directory, name), format)]]
  })
  return new Map(secrets)
}

function activeName(names: readonly string[], secretId: string, suffix: string | undefined): string | undefined {
  const prefix = `${secretId}${suffix}`
  const versions =
    suffix === undefined ? [] : names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  const [latest] = versions.filter((version) => /^\d{1,15}$/.test(version)).sort((a, b) => Number(b) - Number(a))
  if (latest !== undefined) return prefix + latest
  return names.includes(secretId) ? secretId : undefined
}

function readSecretFile(file: string, format: SecretFormat): () => string {
  try {
    const secret = decodeSecret(readFileBounded(file).bytes, format)
    return () => secret
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return failing(`${file}: ${code === undefined ? message : `cannot be read (${code})`}`)
  }
}

/** Secrets that are values of the same name in the sources of expressions. */
export function readPropertyStore(format: SecretFormat, mappings: readonly Mapping[], sources: TokenSource): Secrets {
  const secrets = mappings.flatMap((mapping): (readonly [string, () => string])[] => {
    try {
      if (!sources.lookup(mapping.secretId)) return []
      const text = evaluateExpression(`&{${mapping.secretId}}`, sources)
      const isPem = (mapping.format ?? format) === 'PEM'
      // The vendor's way to put a key on one line: each line break as a backslash and an n.
      const secret = decodeSecret(Buffer.from(isPem ? text.replaceAll('\\n', '\n') : text), mapping.format ?? format)
      return [[mapping.secretId, () => secret]]
    } catch (error) {
      return [[mapping.secretId, failing((error as Error).message)]]
    }
  })
  return new Map(secrets)
}

/** Reads private keys; the reader is that of the trust store, handed in because it lies in a room above. */
export type KeystoreReader = (source: {
  file: string
  bytes: Buffer
  password: string
}) => Promise<readonly { readonly alias: string | undefined; readonly key: KeyObject }[]>

/**
 * The private keys of a PKCS12 or JKS store as PEM, by the first alias of the mapping that the store holds.
 * @throws Error with a sentence when the store cannot be read, as JCEKS, IDM's own, cannot
 */
export async function readKeyStore(
  config: { readonly file: string; readonly storePassword: string },
  mappings: readonly Mapping[],
  read: KeystoreReader,
): Promise<Secrets> {
  // A store without mappings, as the trust store is, is not worth the time that opening one takes.
  if (mappings.length === 0) return new Map()
  const source = { file: config.file, bytes: readFileBounded(config.file).bytes, password: config.storePassword }
  const keys = new Map((await read(source)).map(({ alias, key }) => [alias?.toLowerCase(), key]))
  const secrets = mappings.flatMap(({ secretId, aliases }): (readonly [string, () => string])[] => {
    const key = aliases.map((alias) => keys.get(alias.toLowerCase())).find((found) => found !== undefined)
    return key ? [[secretId, () => key.export({ type: 'pkcs8', format: 'pem' }).toString()]] : []
  })
  return new Map(secrets)
}

function failing(sentence: string): () => never {
  return () => {
    throw new Error(sentence)
  }
}
