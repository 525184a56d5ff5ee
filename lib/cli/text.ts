/** Text for a terminal: tables and paragraphs as wide as it is. */
import cliui from 'cliui'
import stringWidth from 'string-width'

const GAP = 2

export interface TableOptions {
  /** The last column wraps at it; undefined keeps each row on one line, for `grep`. */
  readonly width?: number | undefined
  readonly indent?: number
  /** Aligns the first column to the right; needs a width. */
  readonly numbered?: boolean
}

/** Lines of a table: rows of cells, and lines that stand between them as they are, such as a command to copy. */
export function table(
  rows: readonly (readonly string[] | string)[],
  { width, indent = 0, numbered = false }: TableOptions,
): string {
  const cells = rows.filter((row) => typeof row !== 'string')
  const max = Math.floor((width ?? Number.POSITIVE_INFINITY) / 2)
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.min(max, Math.max(...cells.map((row) => stringWidth(row[column] ?? ''))) + GAP),
  )
  const line = (row: readonly string[]): string => {
    const ui = cliui({ width: width ?? 0, wrap: width !== undefined })
    const columns = row.map((text, column) => {
      const left = column === 0 ? indent : 0
      if (column === row.length - 1) return { text, padding: [0, 0, 0, left] } as const
      const align = numbered && column === 0 ? ({ align: 'right' } as const) : {}
      return { text, width: (widths[column] ?? 0) + left, padding: [0, GAP, 0, left], ...align } as const
    })
    ui.div(...columns)
    return ui.toString()
  }
  return rows.map((row) => `${typeof row === 'string' ? row : line(row)}\n`).join('')
}

/** Lines of at most `width` columns, each indented. */
export function wrapped(text: string, width: number, indent = 0): string[] {
  const ui = cliui({ width, wrap: true })
  ui.div({ text: printable(text), padding: [0, 0, 0, indent] })
  return ui.toString().split('\n')
}

/** JSON, cut to `width`, with escapes in place of control characters. */
export function shown(value: unknown, width: number): string {
  const text = printable(JSON.stringify(value ?? null))
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/**
 * Replaces control characters, and those that break lines or turn the direction of text: ids and messages come from
 * remotes, and a terminal would execute them, or show one value as another (https://trojansource.codes).
 */
export const printable = (text: string): string => text.replace(UNPRINTABLE, '\ufffd')

const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
