/** Links in a file: JSON as `repo/link` answers, or CSV with a header. */
import { createReadStream } from 'node:fs'
import type { JsonObject } from '../../contract.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { type CsvRecord, csvRecords } from '../csv.ts'
import { jsonEntries } from './json-entries.ts'

export type FileEntry =
  | { readonly line: number; readonly link: JsonObject }
  /** `fault`: why it is not a link. */
  | { readonly line: number; readonly fault: string }

/** Members of a link, by the names of columns in lower case: the table of IDM's database has these. */
const COLUMNS: Readonly<Record<string, string>> = {
  linktype: 'linkType',
  linkqualifier: 'linkQualifier',
  firstid: 'firstId',
  secondid: 'secondId',
}

/**
 * The entries of a file, which is read piece by piece.
 * @param onRead called with the number of bytes read so far
 * @throws StartError that names the file, and the line where that is known
 */
export async function* linksIn(
  file: string,
  onRead: (bytes: number) => void,
): AsyncGenerator<FileEntry, void, undefined> {
  try {
    const pieces = textOf(file, onRead)
    const first = await pieces.next()
    const all = join(first.done ? '' : first.value, pieces)
    yield* /^\s*[[{]/.test(first.done ? '' : first.value) ? jsonLinks(all) : csvLinks(all)
  } catch (error) {
    throw error instanceof SyntaxError ? new StartError(`${file}: ${error.message}`) : startError(file, error)
  }
}

async function* textOf(file: string, onRead: (bytes: number) => void): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  const decoded = (chunk?: Buffer): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
    } catch {
      throw new SyntaxError('it is not UTF-8 text')
    }
  }
  for await (const chunk of createReadStream(file)) {
    bytes += chunk.length
    onRead(bytes)
    yield decoded(chunk)
  }
  yield decoded()
}

async function* join(first: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  yield first
  yield* rest
}

async function* jsonLinks(pieces: AsyncIterable<string>): AsyncGenerator<FileEntry, void, undefined> {
  for await (const { text, line } of jsonEntries(pieces)) {
    const link = parsed(text)
    yield isObject(link) ? { line, link } : { line, fault: typeof link === 'string' ? link : 'it is not a JSON object' }
  }
}

function parsed(text: string): unknown {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : null
  } catch {
    return 'it is not JSON'
  }
}

async function* csvLinks(pieces: AsyncIterable<string>): AsyncGenerator<FileEntry, void, undefined> {
  let names: (string | undefined)[] | undefined
  for await (const record of csvRecords(pieces)) {
    if (names) yield csvLink(record, names)
    else {
      names = record.cells.map((name) => COLUMNS[name.trim().toLowerCase()])
      if (!names.includes('firstId') || !names.includes('secondId'))
        throw new SyntaxError(`line ${record.line}: the header of a CSV file must name firstId and secondId`)
    }
  }
}

function csvLink({ cells, line }: CsvRecord, names: readonly (string | undefined)[]): FileEntry {
  if (cells.length !== names.length)
    return { line, fault: `it has ${cells.length} cells; the header has ${names.length}` }
  const members = names.flatMap((name, column) => {
    const text = cells[column]
    return name === undefined || text === undefined || text === '' ? [] : [[name, text] as const]
  })
  return { line, link: Object.fromEntries(members) }
}
