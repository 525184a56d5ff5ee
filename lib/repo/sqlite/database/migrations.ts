import type { Session } from './session.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { transaction } from './transaction.ts'

export type Migration = (session: Session) => void

/** How many steps there are: the query builder, which they need, is loaded only when some are to be taken. */
export const LAYOUT = 13

/**
 * Brings the tables up to date. Each step runs in a transaction with the mark that it ran, so an interrupted one has not
 * happened.
 * @throws Error when a newer version of this software has been here: it would not be understood
 */
export async function migrate(file: SqliteFile, migrations?: readonly Migration[]): Promise<void> {
  file.run('create table if not exists schema_version (version integer primary key)')
  const [done, latest] = [currentVersion(file), migrations?.length ?? LAYOUT]
  if (done > latest)
    throw new Error(`its tables have version ${done}, made by a newer release; this one knows ${latest}`)
  if (done === latest) return
  const steps = migrations ?? (await import('./migration-steps.ts')).MIGRATIONS
  for (const [index, migration] of steps.entries())
    transaction(file, (session) => takeStep(session, index + 1, migration))
}

/** Asks again inside the transaction: another process may have been faster. */
function takeStep(session: Session, version: number, migration: Migration): void {
  if (currentVersion(session) >= version) return
  migration(session)
  session.run('insert into schema_version (version) values (?)', [version])
}

const currentVersion = (session: Session): number =>
  session.all<{ version: number | null }>('select max(version) as version from schema_version')[0]?.version ?? 0
