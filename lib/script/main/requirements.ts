import { badRequest, type ResourceException } from '../../crest/errors.ts'
import type { Code, ModuleSource, Requirements } from '../protocol.ts'

export interface RequirementSources {
  /** @returns undefined for a bundled module. @throws ResourceException 400 when there is none */
  find(module: string): ModuleSource | undefined
  /** Compiles a file. @throws ResourceException 400 with the place of the fault */
  check(file: Code): Promise<Requirements>
}

/**
 * Looks for everything that a script requires, directly or through its modules.
 * @param known names that are variables of the script
 * @throws ResourceException 400 for the first that is missing
 */
export async function requireAll(
  { name }: Code,
  requirements: Requirements,
  known: readonly string[],
  sources: RequirementSources,
  seen = new Set<string>(),
  from = '',
): Promise<void> {
  const { modules, files, classes } = requirements
  const missing = classes.find((one) => !known.includes(one.name.split('.')[0] ?? ''))
  if (missing)
    throw badRequest(`Java class ${missing.name} is not available in ${name} at line number ${missing.line}`, {
      cure: 'write that part in JavaScript',
    })
  const needed = [
    ...modules.map((one) => ({ ...one, call: 'require', module: resolveModule(one.name, from) })),
    ...files.map((one) => ({ ...one, call: 'load', module: one.name.replace(/\.js$/, '') })),
  ]
  for (const { call, module, line, name: written } of needed) {
    if (seen.has(`${call} ${module}`)) continue
    seen.add(`${call} ${module}`)
    try {
      const found = sources.find(module)
      if (!found) continue
      const source = call === 'load' ? found.source : `(function (exports, module, require) {${found.source}\n})`
      const own = { name: found.file, source }
      await requireAll(own, await sources.check(own), known, sources, seen, module)
    } catch (error) {
      if (from !== '') throw error
      const { message, cure } = error as ResourceException
      const place = `${call}(${JSON.stringify(written)}) in ${name} at line number ${line}`
      throw badRequest(`${place}: ${message}`, cure === undefined ? {} : { cure })
    }
  }
}

/** The text of a script and of all files that it requires, by their names; one without a file has no name. */
export async function requiredFiles(
  own: Code,
  known: readonly string[],
  sources: RequirementSources,
): Promise<Map<string, string>> {
  const found = new Map<string, string>(own.name === '' ? [] : [[own.name, own.source]])
  const find = (module: string): ModuleSource | undefined => {
    const file = sources.find(module)
    if (file) found.set(file.file, file.source)
    return file
  }
  await requireAll(own, await sources.check(own), known, { ...sources, find })
  return found
}

/** As guest/modules.ts does: `./name` is relative to the module that requires it. */
function resolveModule(name: string, from: string): string {
  const bare = name.replace(/\.js$/, '')
  if (!/^\.\.?\//.test(bare)) return bare
  const path = from.split('/').slice(0, -1)
  for (const part of bare.split('/')) {
    if (part === '..') path.pop()
    else if (part !== '.') path.push(part)
  }
  return path.join('/')
}
