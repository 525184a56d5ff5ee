/** What knows whether it is a terminal: standard output, or a stand-in for it. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const DEFAULT_COLUMNS = 80

/** The width of a terminal; undefined for a pipe or a file. */
export const columnsOf = ({ isTTY, columns }: Output): number | undefined => (isTTY === true ? columns : undefined)

/** The width to wrap prose at. */
export const widthOf = (output: Output): number => columnsOf(output) ?? DEFAULT_COLUMNS
