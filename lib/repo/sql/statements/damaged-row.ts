/** The JSON of a row cannot be read. */
export class DamagedRow extends Error {
  /** @param row such as `5 (managed/user/bo)` */
  constructor(table: string, row: string, cause: unknown) {
    super(`table ${table}, row ${row} is damaged: ${(cause as Error).message}`, { cause })
    this.name = 'DamagedRow'
  }
}
