import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { ModuleSource } from '../protocol.ts'
import { versionOf } from './script.ts'

const { resolve } = createRequire(import.meta.url)

/** The minified builds load twice as fast. */
const FILES: Readonly<Record<string, string>> = {
  'lib/lodash': 'lodash/lodash.min.js',
  'lib/handlebars': 'handlebars/dist/handlebars.min.js',
}

const loaded = new Map<string, ModuleSource>()

/** A bundled module; undefined when there is none with this name. */
export function libraryModule(name: string): ModuleSource | undefined {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (file === undefined) return undefined
  const known = loaded.get(name)
  if (known) return known
  const source = readFileSync(resolve(file), 'utf8')
  const module = { name, file: `${name}.js`, source, version: versionOf(source) }
  loaded.set(name, module)
  return module
}

/** The libraries whose names occur in a source. */
export const librariesIn = (source: string): string[] =>
  Object.keys(FILES).filter((name) => source.includes(`"${name}"`) || source.includes(`'${name}'`))
