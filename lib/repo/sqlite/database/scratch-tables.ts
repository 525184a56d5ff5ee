import type { Session } from './session.ts'

/**
 * What runs see goes into tables of this connection alone: they are in a file that has no name, nothing waits for the disk
 * because of them, and they are gone with the process.
 */
export function createScratchTables(session: Session): void {
  for (const table of SCRATCH_TABLES) session.run(`create temporary table if not exists ${table}`)
}

const SCRATCH_TABLES = [
  `run_object (place integer primary key, run integer not null, key text not null, kind integer not null, object text not null,
    constraint run_object_by_key unique (run, key))`,
  `run_value (run integer not null, field text not null, order_key text not null, object text not null,
    constraint run_value_key primary key (run, field, order_key, object)) without rowid`,
  `run_source (run integer not null, page integer not null, key text not null, digest integer not null,
    constraint run_source_key primary key (run, key)) without rowid`,
  'run_place (run integer not null, place text not null, key integer not null, primary key (run, place)) without rowid',
  'run_work (key integer primary key, run integer not null, work text not null)',
]
