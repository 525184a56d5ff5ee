import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TokenSource } from '../../config/values/substitution/value-sources.ts'
import type { Json } from '../../contract.ts'
import { isHiddenFromScripts } from '../../script/configured/server-properties.ts'

const GET_PROPERTY = /\bgetProperty\(\s*(?:"([^"\n]{1,200})"|'([^'\n]{1,200})')/g

/** Hidden properties that scripts read by name. */
export function hiddenPropertiesAskedFor(
  texts: Iterable<string>,
  sources: TokenSource,
  visible: readonly string[],
): string[] {
  const names = new Set(
    [...texts].flatMap((text) => [...text.matchAll(GET_PROPERTY)].map(([, one, other]) => one ?? other ?? '')),
  )
  return [...names].filter((name) => !visible.includes(name) && isHidden(name, sources)).sort()
}

function isHidden(name: string, sources: TokenSource): boolean {
  try {
    const found = sources.lookup(name)
    return found !== undefined && isHiddenFromScripts(name, found)
  } catch {
    return false
  }
}

/** The text of the scripts in a folder and its subfolders; nothing if it does not exist. */
export function* scriptTexts(folder: string): Generator<string> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.js')) yield readFileSync(join(folder, name), 'utf8')
}

/** The inline scripts of a configuration object. */
export function* inlineScripts(content: Json): Generator<string> {
  if (typeof content !== 'object' || content === null) return
  if ('source' in content && typeof content.source === 'string') yield content.source
  for (const member of Object.values(content)) yield* inlineScripts(member)
}
