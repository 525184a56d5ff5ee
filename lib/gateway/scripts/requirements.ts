import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TokenSource } from '../../config/values/substitution/value-sources.ts'
import type { Json } from '../../contract.ts'
import { isHiddenFromScripts } from './properties.ts'

const ASKS = /\bgetProperty\(\s*(?:"([^"\n]{1,200})"|'([^'\n]{1,200})')/g

/** The properties that scripts ask for by name, and do not get unless "visibleProperties" names them. */
export function hiddenPropertiesAskedFor(
  texts: Iterable<string>,
  sources: TokenSource,
  visible: readonly string[],
): string[] {
  const names = new Set(
    [...texts].flatMap((text) => [...text.matchAll(ASKS)].map(([, one, other]) => one ?? other ?? '')),
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

/** The scripts in a folder and below it; nothing when it is not there. */
export function* scriptTexts(folder: string): Generator<string> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.js')) yield readFileSync(join(folder, name), 'utf8')
}

/** The scripts that stand in a configuration object. */
export function* inlineScripts(content: Json): Generator<string> {
  if (typeof content !== 'object' || content === null) return
  if ('source' in content && typeof content.source === 'string') yield content.source
  for (const member of Object.values(content)) yield* inlineScripts(member)
}
