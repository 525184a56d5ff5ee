import { closeSync, fsyncSync, openSync } from 'node:fs'
import { LAYOUT } from './database/migrations.ts'
import { openDatabase } from './database/open-database.ts'

/** How long a copy waits for a lock. */
const BUSY_MS = 10_000

/**
 * Copies a database as of one moment, with what is in its write-ahead log, while other processes may write to it. The copy
 * has no free pages: nothing that was deleted is in it.
 * @param to a file that does not exist; readable by its owner only
 */
export function copyDatabase(file: string, to: string): void {
  closeSync(openSync(to, 'wx', 0o600))
  const database = openDatabase(file)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
  const copy = openSync(to, 'r+')
  fsyncSync(copy)
  closeSync(copy)
}

/** The version of the tables of a database. */
export function layoutOf(file: string): number {
  const database = openDatabase(file)
  try {
    return Number(database.prepare('select max(version) as version from schema_version').get()?.version ?? 0)
  } finally {
    database.close()
  }
}

/**
 * Checks a database that no process uses.
 * @throws Error that says why it cannot be used
 */
export function checkDatabase(file: string): void {
  const layout = layoutOf(file)
  if (layout > LAYOUT)
    throw new Error(`its tables have version ${layout}, made by a newer release; this one supports up to ${LAYOUT}`)
  const database = openDatabase(file)
  try {
    const [first] = database.prepare('PRAGMA integrity_check').all()
    const finding = String(first?.integrity_check)
    if (finding !== 'ok') throw new Error(`it is damaged: ${finding}`)
  } finally {
    database.close()
  }
}
