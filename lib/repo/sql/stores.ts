import { IncrementalTable } from './incremental/incremental-table.ts'
import type { Damaged } from './objects/damaged-object.ts'
import { ObjectTable, type ObjectTableOptions } from './objects/object-table.ts'
import { CaptureTable } from './queue/capture-table.ts'
import { insertEvents } from './queue/event-insert.ts'
import type { NewEventRecord } from './queue/event-record.ts'
import { EventTable } from './queue/event-table.ts'
import { QueueTable } from './queue/queue-table.ts'
import { AgreementTable } from './runs/agreement-table.ts'
import { LinkTable } from './runs/link-table.ts'
import { ParticipantTable } from './runs/participant-table.ts'
import { RowPlaces } from './runs/row-places.ts'
import { RowTable } from './runs/row-table.ts'
import { RunKeyTable } from './runs/run-key-table.ts'
import { RunTable } from './runs/run-table.ts'
import { ScratchRuns } from './runs/scratch-runs.ts'
import { Sealer } from './runs/sealer.ts'
import { SentValueTable } from './runs/sent-value-table.ts'
import { SnapshotTable } from './runs/snapshot-table.ts'
import type { Database } from './statements/database.ts'

/**
 * The tables of a database. Each method is one message where the database has a thread of its own: its transaction begins
 * and ends in it.
 */
export interface Stores {
  readonly objects: ObjectTable
  readonly links: LinkTable
  readonly runs: RunTable
  readonly rows: RowTable
  readonly participants: ParticipantTable
  readonly runKeys: RunKeyTable
  readonly snapshots: SnapshotTable
  readonly sentValues: SentValueTable
  readonly events: EventTable
  readonly queues: QueueTable
  readonly incremental: IncrementalTable
  readonly captures: CaptureTable
  readonly agreements: AgreementTable
}

export interface StoresOptions extends Pick<ObjectTableOptions, 'window' | 'examiner' | 'explain'> {
  readonly onDamaged: Damaged
  /** Shared by several sets of stores on the same tables. */
  readonly sealer?: Sealer | undefined
}

export function createStores(db: Database, options: StoresOptions): Stores {
  const { sealer = new Sealer() } = options
  const parts = { db, sealer, places: new RowPlaces(db), scratch: new ScratchRuns(db) }
  const storeEvents = (events: readonly NewEventRecord[]) => insertEvents(db.dialect, sealer, events)
  const runs = new RunTable(parts)
  return {
    objects: new ObjectTable({ ...options, db, storeEvents }),
    links: new LinkTable(db),
    runs,
    rows: new RowTable(parts),
    participants: new ParticipantTable(db),
    runKeys: new RunKeyTable(db, sealer),
    snapshots: new SnapshotTable(db, runs, parts.scratch),
    sentValues: new SentValueTable(db),
    events: new EventTable(db, sealer),
    queues: new QueueTable(db),
    incremental: new IncrementalTable(db),
    captures: new CaptureTable(db, storeEvents),
    agreements: new AgreementTable(db),
  }
}
