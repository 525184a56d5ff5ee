import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'

const DEFAULT_INDENT = '  '

/**
 * Formats a configuration file like its previous text: the same order of members, with new ones last, and the same
 * indentation and line ends.
 */
export function formatConfig(content: JsonObject, before?: { text: string; content: JsonObject }): string {
  if (!before) return `${JSON.stringify(content, null, DEFAULT_INDENT)}\n`
  const text = JSON.stringify(inOrderOf(content, before.content), null, indentOf(before.text))
  const end = before.text.includes('\n', before.text.trimEnd().length) ? '\n' : ''
  const lines = `${text}${end}`
  return before.text.includes('\r\n') ? lines.replaceAll('\n', '\r\n') : lines
}

/** The white space before the first member that is on its own line. */
const indentOf = (text: string): string => /^\s*\{[ \t]*\r?\n([ \t]{1,10})\S/.exec(text)?.[1] ?? DEFAULT_INDENT

function inOrderOf(value: Json, before: Json | undefined): Json {
  if (Array.isArray(value)) {
    const elements = Array.isArray(before) ? before : []
    return value.map((element, index) => inOrderOf(element, elements[index]))
  }
  if (!isObject(value) || !isObject(before)) return value
  const kept = Object.keys(before).filter((name) => Object.hasOwn(value, name))
  const names = new Set([...kept, ...Object.keys(value)])
  return Object.fromEntries([...names].map((name) => [name, inOrderOf(value[name] ?? null, before[name])]))
}
