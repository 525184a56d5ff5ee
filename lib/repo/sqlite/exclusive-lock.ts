import { spawn } from 'node:child_process'
import { openDatabase } from './database/open-database.ts'

/** The lock of a folder with databases: a gateway's `db/`, or that of an application. */
export const OWNER_LOCK = 'owner.db'

/** SQLITE_BUSY: another connection holds the lock. */
const BUSY = 5
/** Two processes that try at the same moment may both be refused at first. */
const RETRY_MS = 100

/** Exits with 1 if it gets the lock that its parent holds. */
const PROBE = `
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  try {
    new DatabaseSync(process.argv[1]).exec('BEGIN EXCLUSIVE')
  } catch {
    process.exit(0)
  }
  process.exit(1)`

/**
 * Locks `file`, an empty database, by an exclusive transaction that stays open. The operating system releases the lock
 * when the process ends, however it ends.
 * @returns a function that releases the lock; undefined when another connection, of any process, holds it
 * @throws Error when the file cannot be used
 */
export function tryLock(file: string): (() => void) | undefined {
  const database = openDatabase(file)
  try {
    database.exec(`PRAGMA busy_timeout = ${RETRY_MS}; BEGIN EXCLUSIVE`)
    return () => database.close()
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === BUSY) return undefined
    throw error
  }
}

/**
 * Asks another process for the lock that this one holds on `file`. Some network and virtual file systems grant it twice.
 * @param signal ends the attempt, before the lock is released
 * @returns false if the other process gets it
 */
export function holdsAgainstOthers(file: string, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const args = ['--no-warnings', '-e', PROBE, file]
    const probe = spawn(process.execPath, args, { stdio: 'ignore', env, ...(signal && { signal }) })
    // Without another process, or with one that was ended, nothing is known, and nothing is reported.
    probe.once('error', () => resolve(true))
    probe.once('exit', (code) => resolve(code !== 1))
  })
}
