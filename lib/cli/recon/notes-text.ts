import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'

const WIDTH = 80
/** So many fields are named. */
const NAMED = 5

const FIELD_NOTES: readonly (readonly [note: string, text: string])[] = [
  ['unseen', 'Sets fields that the target does not show'],
  ['notTakenOver', 'The target shows other values than it was sent'],
  ['writtenAgain', 'The target keeps other values than it was sent before'],
]

/** What there is to be known about a run besides its counts: warnings, and fields that targets treat in their own way. */
export function notes({ warnings, fieldSummary }: JsonObject): string[] {
  const summary = isObject(fieldSummary) ? fieldSummary : {}
  return [
    ...FIELD_NOTES.flatMap(([note, text]) => fieldNote(text, summary[note])),
    ...(Array.isArray(warnings) ? warnings.flatMap((warning) => wrapped(`WARNING: ${String(warning)}`)) : []),
  ]
}

function fieldNote(text: string, counts: unknown): string[] {
  const fields = isObject(counts) ? Object.entries(counts) : []
  if (fields.length === 0) return []
  const named = fields.slice(0, NAMED).map(([field, count]) => `${field} (${String(count)})`)
  const rest = fields.length > NAMED ? ` and ${fields.length - NAMED} more` : ''
  return wrapped(`${text}: ${named.join(', ')}${rest}`)
}

/** Lines of at most 80 columns, where words allow it; those behind the first one are indented. */
export function wrapped(text: string, indent = '  '): string[] {
  const lines: string[] = []
  const [start = '', ...words] = printable(text).split(/(?<=\S) /)
  let line = start
  for (const word of words) {
    if (line.length + 1 + word.length <= WIDTH) line = `${line} ${word}`
    else {
      lines.push(line)
      line = `${indent}${word}`
    }
  }
  return [...lines, line]
}

/** JSON, cut to `width`, with escapes in place of control characters. */
export function shown(value: unknown, width: number): string {
  const text = printable(JSON.stringify(value ?? null))
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/** Without what a terminal would take for a command: ids and messages are the remotes' words. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it takes out
export const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
