/** The kinds of store that `conf/secrets.json` can name. */
import type { KeyObject } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readFileBounded } from '../../files/file-read.ts'
import { evaluateExpression } from '../substitution/expression.ts'
import type { TokenSource } from '../substitution/value-sources.ts'

export const SECRET_FORMATS = ['PLAIN', 'PEM', 'BASE64', 'BASE64URL'] as const
export type SecretFormat = (typeof SECRET_FORMATS)[number]

/** A mapping of `conf/secrets.json`. */
export interface Mapping {
  readonly secretId: string
  readonly format?: SecretFormat | undefined
  readonly aliases: readonly string[]
}

/** The secrets of a store by id. A function throws when its secret cannot be read. */
export type Secrets = ReadonlyMap<string, () => string>

/** A file name that cannot leave its directory on any system. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/

export interface FileStoreConfig {
  readonly directory: string
  readonly format: SecretFormat
  /** Such as `.v`: the file with the highest number after it is used. */
  readonly versionSuffix?: string | undefined
}

/** One file per mapped secret, named by its id. A secret without a file may be in another store. */
export function readFileStore(config: FileStoreConfig, mappings: readonly Mapping[]): Secrets {
  const names = readdirSync(config.directory)
  const secrets = mappings.flatMap(({ secretId, format = config.format }): (readonly [string, () => string])[] => {
    if (!FILE_NAME.test(secretId)) return [[secretId, failing('its name is not a valid file name')]]
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

/** Secrets from the sources of expressions, by their ids. */
export function readPropertyStore(format: SecretFormat, mappings: readonly Mapping[], sources: TokenSource): Secrets {
  const secrets = mappings.flatMap((mapping): (readonly [string, () => string])[] => {
    try {
      if (!sources.lookup(mapping.secretId)) return []
      const text = evaluateExpression(`&{${mapping.secretId}}`, sources)
      const isPem = (mapping.format ?? format) === 'PEM'
      // The vendor writes a key on one line with \n for line breaks.
      const secret = decodeSecret(Buffer.from(isPem ? text.replaceAll('\\n', '\n') : text), mapping.format ?? format)
      return [[mapping.secretId, () => secret]]
    } catch (error) {
      return [[mapping.secretId, failing((error as Error).message)]]
    }
  })
  return new Map(secrets)
}

/** Reads private keys. Injected: the reader is in trust/, which imports this room. */
export type KeystoreReader = (source: {
  file: string
  bytes: Buffer
  password: string
}) => Promise<readonly { readonly alias: string | undefined; readonly key: KeyObject }[]>

/**
 * The private keys of a PKCS12 or JKS store as PEM, by the first alias of the mapping that is in the store.
 * @throws Error when the store cannot be read, such as IDM's own JCEKS
 */
export async function readKeyStore(
  config: { readonly file: string; readonly storePassword: string },
  mappings: readonly Mapping[],
  read: KeystoreReader,
): Promise<Secrets> {
  // Opening a keystore is slow, and one without mappings, such as the trust store, is not needed.
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

/**
 * Decodes the bytes of a secret. One trailing line break is removed from plain text.
 * @throws Error that does not quote the secret
 */
function decodeSecret(bytes: Buffer, format: SecretFormat): string {
  const text = textOf(bytes, 'is not UTF-8 text')
  if (format === 'PLAIN') return text.replace(/\r?\n$/, '')
  if (format === 'PEM') {
    if (!text.includes('-----BEGIN ')) throw new Error('is not PEM text')
    return text
  }
  const alphabet = format === 'BASE64' ? /^[A-Za-z0-9+/\s]*={0,2}$/ : /^[A-Za-z0-9_\s-]*={0,2}$/
  if (!alphabet.test(text.trimEnd())) throw new Error(`is not ${format}`)
  return textOf(Buffer.from(text, 'base64'), `is ${format} of something that is not UTF-8 text`)
}

function textOf(bytes: Buffer, sentence: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error(sentence)
  }
}
