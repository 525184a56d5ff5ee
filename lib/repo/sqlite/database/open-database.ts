import { closeSync, existsSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** Opens a database file. It is created when it does not exist, readable by its owner only. */
export function openDatabase(path: string): DatabaseSync {
  // An existing file is left to SQLite: closing another descriptor of it releases the POSIX locks of this process
  // (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  return new (loadSqlite().DatabaseSync)(path)
}

/** Node 22 warns at the first use of its SQLite; the warning says nothing to those who run us, so it is not printed. */
function loadSqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning(warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}
