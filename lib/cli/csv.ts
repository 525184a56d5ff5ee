/** Comma-separated values: RFC 4180. */

/** A spreadsheet would execute a cell that begins so: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/

/** One record with its line break. A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(cell).join(',')}\r\n`

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export interface CsvRecord {
  readonly cells: readonly string[]
  /** Where it begins; 1 = the first line. */
  readonly line: number
}

/** A record of a file without closing quote would be the rest of the file. */
const MAX_RECORD_LENGTH = 1024 * 1024

/**
 * The records of a text that comes in pieces. Empty lines are left out.
 * @throws SyntaxError that names the line of a quote that is not closed
 */
export async function* csvRecords(pieces: AsyncIterable<string>): AsyncGenerator<CsvRecord, void, undefined> {
  let [line, begin, text] = [1, 1, '']
  let [cells, isQuoted, quoteOpen]: [string[], boolean, boolean] = [[], false, false]
  let length = 0
  const endCell = () => {
    cells.push(text)
    text = ''
    isQuoted = false
  }
  const endRecord = (): CsvRecord | undefined => {
    const isEmpty = cells.length === 0 && text === '' && !isQuoted
    endCell()
    const record = { cells, line: begin }
    cells = []
    length = 0
    begin = line
    return isEmpty ? undefined : record
  }
  let previous = ''
  for await (const piece of pieces)
    for (const character of piece) {
      length += 1
      if (length > MAX_RECORD_LENGTH) throw new SyntaxError(`line ${begin}: a quote is not closed`)
      const last = previous
      previous = character
      if (character === '\n') line += 1
      if (quoteOpen) {
        if (character === '"') quoteOpen = false
        else text += character
      } else if (character === '"') {
        // The second of two quotes is one; any other opens a cell.
        if (isQuoted && last === '"') text += character
        isQuoted = true
        quoteOpen = true
      } else if (character === ',') endCell()
      else if (character === '\n') {
        const record = endRecord()
        if (record) yield record
      } else if (character !== '\r') text += character
    }
  if (quoteOpen) throw new SyntaxError(`line ${begin}: a quote is not closed`)
  const record = endRecord()
  if (record) yield record
}
