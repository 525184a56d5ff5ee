import { DatabaseFile } from '../database/database-file.ts'
import { migrate } from '../database/migrations.ts'
import { createScratchTables } from '../database/scratch-tables.ts'
import type { Session } from '../database/session.ts'
import { SqliteFile } from '../database/sqlite-file.ts'
import { WriteQueue } from '../database/write-queue.ts'
import { IncrementalTable } from '../incremental/incremental-table.ts'
import { ObjectTable } from '../objects/object-table.ts'
import { installJsonFunctions } from '../objects/sqlite-json.ts'
import { CaptureTable } from '../queue/capture-table.ts'
import { insertEvents } from '../queue/event-insert.ts'
import type { NewEventRecord } from '../queue/event-record.ts'
import { EventTable } from '../queue/event-table.ts'
import { QueueTable } from '../queue/queue-table.ts'
import { AgreementTable } from '../runs/agreement-table.ts'
import { LinkTable } from '../runs/link-table.ts'
import { RowPlaces } from '../runs/row-places.ts'
import { RowTable } from '../runs/row-table.ts'
import { RunKeyTable } from '../runs/run-key-table.ts'
import { RunTable } from '../runs/run-table.ts'
import { Sealer } from '../runs/sealer.ts'
import { SentValueTable } from '../runs/sent-value-table.ts'
import { SnapshotTable } from '../runs/snapshot-table.ts'
import type { OpenOptions } from '../thread/protocol.ts'

/** What the main thread can call. Each method is one message: its transaction begins and ends in it. */
export interface Stores {
  readonly objects: ObjectTable
  readonly links: LinkTable
  readonly runs: RunTable
  readonly rows: RowTable
  readonly runKeys: RunKeyTable
  readonly snapshots: SnapshotTable
  readonly sentValues: SentValueTable
  readonly events: EventTable
  readonly queues: QueueTable
  readonly incremental: IncrementalTable
  readonly captures: CaptureTable
  readonly agreements: AgreementTable
}

export interface OpenDatabase {
  readonly stores: Stores
  close(): void
}

/** Once the database is open, the write queue waits for locks of other processes, and reads go on meanwhile. */
const BUSY_TIMEOUT_MS = 5

/** Opens the database and brings its tables up to date. @param notify writes a line to the log */
export async function openDatabase(
  { file: path, lost, window, maxLockWaitMs }: OpenOptions,
  notify: (line: string) => void,
): Promise<OpenDatabase> {
  const file = new SqliteFile(new DatabaseFile(path, lost), installJsonFunctions)
  try {
    await migrate(file)
    createScratchTables(file)
    file.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
  } catch (error) {
    file.close()
    throw error
  }
  const writes = new WriteQueue(file, maxLockWaitMs)
  const onDamaged = (error: Error) => notify(`The repository ${path}: ${error.message}`)
  const sealer = new Sealer()
  const places = new RowPlaces(file)
  const storeEvents = (session: Session, events: readonly NewEventRecord[]) => insertEvents(session, sealer, events)
  const runs = new RunTable(file, writes, sealer, places)
  const stores: Stores = {
    objects: new ObjectTable({ session: file, writes, window, onDamaged, storeEvents }),
    links: new LinkTable(file, writes),
    runs,
    rows: new RowTable(file, writes, sealer, places),
    runKeys: new RunKeyTable(file, writes, sealer),
    snapshots: new SnapshotTable(file, runs),
    sentValues: new SentValueTable(file, writes),
    events: new EventTable({ session: file, writes, sealer }),
    queues: new QueueTable(file, writes),
    incremental: new IncrementalTable(file, writes),
    captures: new CaptureTable(file, writes, storeEvents),
    agreements: new AgreementTable(file, writes),
  }
  return { stores, close: () => file.close() }
}
