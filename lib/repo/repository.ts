import type { JsonObject, Logger } from '../contract.ts'
import { SerialQueue } from '../core/serial-queue.ts'
import { parsePointer, printPointer } from '../crest/pointer.ts'
import { ObjectCollection } from './objects/object-collection.ts'
import { type Rewriting, rewriteObjects } from './objects/rewrite.ts'
import { DatabaseFile } from './sqlite/database/database-file.ts'
import { Kysely } from './sqlite/database/kysely.ts'
import { migrate } from './sqlite/database/migrations.ts'
import { sqliteDialect } from './sqlite/database/sqlite-dialect.ts'
import type { Database, Tables } from './sqlite/database/tables.ts'
import { ensureIndexes } from './sqlite/objects/index-build.ts'
import { ObjectStore } from './sqlite/objects/object-store.ts'
import { LinkStore } from './sqlite/runs/link-store.ts'
import { RunStore } from './sqlite/runs/run-store.ts'
import { SentValueStore } from './sqlite/runs/sent-value-store.ts'

export interface RepositoryOptions {
  /** Path of the database file; it is made when it is not there. */
  readonly file: string
  readonly log: Logger
  /** How many objects a query looks at in one go, with nothing else of the process running; 1000 unless given. */
  readonly window?: number
  /** Runs `work` while no other process that has this database open runs one of this key. */
  readonly alone?: ((key: string, work: () => Promise<void>) => Promise<void>) | undefined
}

export interface TypeOptions {
  /** Properties (pointers such as `userName`) that filters and sort keys name often; `_id` is always one. */
  readonly indexes?: readonly string[]
  /** Properties of which no two objects have the same value, apart from case; they are indexed too. */
  readonly unique?: readonly string[]
}

/** Keeps objects of any number of types in one database. */
export class Repository {
  readonly #database: Database
  readonly #file: DatabaseFile
  readonly #log: Logger
  readonly #window: number
  readonly #alone: RepositoryOptions['alone']
  #closed: Promise<void> | undefined
  readonly #builds = new SerialQueue()

  constructor(database: Database, file: DatabaseFile, log: Logger, window: number, alone?: RepositoryOptions['alone']) {
    this.#file = file
    this.#database = database
    this.#log = log
    this.#window = window
    this.#alone = alone
  }

  /** The objects of `type` (such as `managed/user`), indexed as asked for: a new index is built before it resolves. */
  async store(type: string, { indexes = [], unique = [] }: TypeOptions = {}): Promise<ObjectStore> {
    const canonical = (property: string) => printPointer(parsePointer(property))
    const properties = new Set(['_id', ...indexes, ...unique].map(canonical))
    const begin = performance.now()
    await this.#oneByOne(() => ensureIndexes(this.#database, type, [...properties]))
    this.#log.debug(
      { type, indexes: [...properties], ms: Math.round(performance.now() - begin) },
      'objects are indexed',
    )
    return new ObjectStore(this.#database, { type, unique: unique.map(canonical), window: this.#window })
  }

  /** The same as a resource. */
  async collection(type: string, options: TypeOptions = {}): Promise<ObjectCollection> {
    return new ObjectCollection(await this.store(type, options))
  }

  /** Why nothing can be written any more: one sentence for a person; undefined when all is well. */
  get fault(): string | undefined {
    return this.#file.fault
  }

  /** The links of all mappings. */
  links(): LinkStore {
    return new LinkStore(this.#database)
  }

  /** The reconciliations and their plans. */
  runs(): RunStore {
    return new RunStore(this.#database)
  }

  /** What mappings have sent and cannot read back. */
  sentValues(): SentValueStore {
    return new SentValueStore(this.#database)
  }

  /** See {@link rewriteObjects}. */
  rewrite(text: string, next: (content: JsonObject) => JsonObject): Promise<Rewriting> {
    return rewriteObjects(this.#database, text, next)
  }

  /** Two builds of one type would undo each other's work. */
  #oneByOne(build: () => Promise<void>): Promise<void> {
    const alone = this.#alone
    return this.#builds.add(() => (alone ? alone('indexes', build) : build()))
  }

  /** Ends when the write that is under way has ended; later calls fail. */
  close(): Promise<void> {
    this.#closed ??= this.#database
      .connection()
      .execute(async () => {})
      .then(() => this.#database.destroy())
    return this.#closed
  }
}

/**
 * Opens the repository in `file`, and brings its tables up to date.
 * @throws Error that names the file and says why it cannot be used
 */
export async function openRepository({ file, log, window = 1000, alone }: RepositoryOptions): Promise<Repository> {
  const databaseFile = new DatabaseFile(file)
  const database = new Kysely<Tables>({ dialect: sqliteDialect(databaseFile) })
  try {
    await migrate(database)
  } catch (error) {
    await database.destroy()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The repository ${file} cannot be opened: ${reason}`, { cause: error })
  }
  return new Repository(database, databaseFile, log, window, alone)
}
