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

/**
 * The records of a text that comes in pieces. Empty lines are left out.
 * @throws SyntaxError that names the line of a quote that is not closed, or of a record that is too long
 */
export async function* csvRecords(pieces: AsyncIterable<string>): AsyncGenerator<CsvRecord, void, undefined> {
  const reader = new CsvReader()
  for await (const piece of pieces) {
    for (const character of piece) reader.take(character)
    yield* reader.records()
  }
  reader.end()
  yield* reader.records()
}

/** Without its closing quote, a record would be the rest of the file. */
const MAX_RECORD_LENGTH = 1024 * 1024

class CsvReader {
  #records: CsvRecord[] = []
  #cells: string[] = []
  #text = ''
  /** `opened`: within quotes. `closed`: after a quote, which ends the cell or is the first of two. */
  #quote: 'none' | 'opened' | 'closed' = 'none'
  #line = 1
  #begin = 1
  #length = 0

  /** Takes the complete records. */
  records(): readonly CsvRecord[] {
    const complete = this.#records
    this.#records = []
    return complete
  }

  take(character: string): void {
    this.#length += 1
    if (this.#length > MAX_RECORD_LENGTH)
      throw this.#error(`a record has more than ${MAX_RECORD_LENGTH} characters: a quote may not be closed`)
    if (character === '\n') this.#line += 1
    if (this.#quote === 'opened') {
      if (character === '"') this.#quote = 'closed'
      else this.#text += character
    } else if (character === '"') {
      if (this.#quote === 'closed') this.#text += character
      this.#quote = 'opened'
    } else if (character === ',') this.#endCell()
    else if (character === '\n') this.#endRecord()
    else if (character !== '\r') this.#text += character
  }

  end(): void {
    if (this.#quote === 'opened') throw this.#error('a quote is not closed')
    this.#endRecord()
  }

  #endCell(): void {
    this.#cells.push(this.#text)
    this.#text = ''
    this.#quote = 'none'
  }

  #endRecord(): void {
    const isEmpty = this.#cells.length === 0 && this.#text === '' && this.#quote === 'none'
    this.#endCell()
    if (!isEmpty) this.#records.push({ cells: this.#cells, line: this.#begin })
    this.#cells = []
    this.#begin = this.#line
    this.#length = 0
  }

  #error(reason: string): SyntaxError {
    return new SyntaxError(`line ${this.#begin}: ${reason}`)
  }
}
