/** Sources of token values, each with one level of precedence. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Json } from '../../../contract.ts'
import { isObject } from '../../../core/json.ts'
import { parseConfigText } from '../../files/config-text.ts'
import { readFileBounded } from '../../files/file-read.ts'
import { parseProperties } from './value-sources-properties.ts'

export interface FoundValue {
  readonly value: string
  /** The source, for messages. */
  readonly source: string
  /** True for a secret from its own file: expressions in it are not resolved. */
  readonly literal?: boolean
  /** True for an environment variable, which may contain secrets of other programs. */
  readonly fromEnvironment?: boolean
}

export interface Level {
  /** @throws Error when a broken file makes it unknown whether the token is defined here */
  lookup(token: string): FoundValue | undefined
  /** The place that is searched, for messages; in general terms without a token. */
  describe(token?: string): string
}

const MAX_SECRET_BYTES = 64 * 1024

/** Token `a.b` is variable `A_B`. */
export function environmentLevel(env: Readonly<Record<string, string | undefined>>): Level {
  const nameOf = (token: string) => token.toUpperCase().replaceAll('.', '_')
  return {
    lookup: (token) => {
      const name = nameOf(token)
      const value = Object.hasOwn(env, name) ? env[name] : undefined
      return value === undefined ? undefined : { value, source: `environment variable ${name}`, fromEnvironment: true }
    },
    describe: (token) => (token === undefined ? 'the environment' : `environment variable ${nameOf(token)}`),
  }
}

export function fixedLevel(name: string, values: ReadonlyMap<string, string>): Level {
  return {
    lookup: (token) => {
      const value = values.get(token)
      return value === undefined ? undefined : { value, source: name }
    },
    describe: () => name,
  }
}

/** One `.properties` file; an absent file is empty. */
export function propertiesLevel(file: string): Level {
  if (!exists(file)) return fixedLevel(`${file} (absent)`, new Map())
  try {
    return fixedLevel(file, parseProperties(textOf(readFileBounded(file).bytes)))
  } catch (error) {
    return brokenLevel(file, sentenceOf(error))
  }
}

/**
 * The `.properties` and `.json` files of one directory, without subdirectories. While a file cannot be read, tokens that
 * no other file defines throw: a lower source, or the default, might be wrong.
 */
export function expressionLevel(directory: string): Level {
  const description = join(directory, '*.properties and *.json')
  if (!exists(directory)) return fixedLevel(`${description} (absent)`, new Map())
  const values = new Map<string, FoundValue[]>()
  const broken: string[] = []
  for (const file of filesOf(directory, /^[^.].*\.(?:properties|json)$/i, broken)) {
    try {
      for (const [token, value] of valuesOf(file))
        values.set(token, [...(values.get(token) ?? []), { value, source: file }])
    } catch (error) {
      broken.push(`${file}: ${sentenceOf(error)}`)
    }
  }
  return {
    lookup: (token) => {
      const [found, other] = values.get(token) ?? []
      if (found && other) throw new Error(`&{${token}} is defined twice: in ${found.source} and in ${other.source}`)
      if (!found && broken[0] !== undefined) throw new Error(broken[0])
      return found
    },
    describe: () => description,
  }
}

/** One file per secret, named by its token, as Kubernetes and Docker mount them. One trailing line break is removed. */
export function secretsLevel(directory: string): Level {
  const description = join(directory, 'TOKEN')
  if (!exists(directory)) return fixedLevel(`${description} (absent)`, new Map())
  const broken: string[] = []
  const values = new Map<string, () => string>()
  for (const file of filesOf(directory, /^[^.]/, broken)) values.set(basename(file), secretIn(file))
  return {
    lookup: (token) => {
      if (broken[0] !== undefined) throw new Error(broken[0])
      const value = values.get(token)
      return value && { value: value(), source: join(directory, token), literal: true }
    },
    describe: (token) => (token === undefined || token.includes('/') ? description : join(directory, token)),
  }
}

/** Read together with the others, for a consistent set. An error affects this secret only. */
function secretIn(file: string): () => string {
  try {
    const { bytes } = readFileBounded(file)
    if (bytes.length > MAX_SECRET_BYTES) throw new Error('the file is larger than 64 KB')
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
    return () => text
  } catch (error) {
    const sentence = error instanceof TypeError ? 'the file is not UTF-8 text' : sentenceOf(error)
    return () => {
      throw new Error(`${file}: ${sentence}`)
    }
  }
}

/** A source that exists but cannot be read. Every lookup throws: lower sources might be wrong. */
export function brokenLevel(file: string, sentence: string): Level {
  return {
    lookup: () => {
      throw new Error(`${file}: ${sentence}`)
    },
    describe: () => `${file} (cannot be read)`,
  }
}

function filesOf(directory: string, names: RegExp, broken: string[]): string[] {
  try {
    const files = readdirSync(directory).filter((name) => names.test(name))
    return files
      .sort()
      .map((name) => join(directory, name))
      .filter((file) => !isDirectory(file))
  } catch (error) {
    broken.push(`${directory}: ${sentenceOf(error)}`)
    return []
  }
}

function valuesOf(file: string): Iterable<readonly [string, string]> {
  const { bytes } = readFileBounded(file)
  return /json$/i.test(file) ? flatten(parseConfigText(bytes), '') : parseProperties(textOf(bytes))
}

/** `{"a":{"b":1}}` defines `a.b`. A list becomes JSON text, for `$array`. */
function* flatten(value: Json, path: string): Generator<readonly [string, string]> {
  if (isObject(value)) {
    for (const [name, member] of Object.entries(value)) yield* flatten(member, path === '' ? name : `${path}.${name}`)
  } else if (value !== null) yield [path, typeof value === 'string' ? value : JSON.stringify(value)]
}

/** Falls back to Latin-1, the traditional encoding of property files. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true

const sentenceOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined ? message : `it cannot be read (${code})`
}
