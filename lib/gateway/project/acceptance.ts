import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../contract.ts'
import { replaceFileSync } from '../../core/replace-file.ts'
import { z } from '../../core/schema.ts'
import { DATABASE, type Project } from './project.ts'

/** In the project's `db/`: which schedules have been seen, and which of them wait to be accepted. */
export const ACCEPTANCE = 'acceptance.json'

const names = z.array(z.string())
const recordSchema = z.object({
  /** The schedules of earlier starts, and those that were written over REST. */
  known: names,
  /** Those that wait for `doctor --accept`. */
  held: names,
  /** Whether `conf/` had files that only IDM has. */
  isForeign: z.boolean(),
})

type AcceptanceRecord = z.infer<typeof recordSchema>

/** What a project looks like when a gateway starts on it. */
export interface ProjectFacts {
  /** No gateway has kept anything in `db/`. */
  readonly isNew: boolean
  /** The names of the enabled schedules of `conf/`. */
  readonly schedules: readonly string[]
  readonly isForeign: boolean
}

/**
 * Schedules are held when a gateway starts for the first time on a project, and when files of IDM have come into a
 * project that had none. A project that a gateway has run on before this rule is accepted as it is.
 */
export function recordAfter(
  before: AcceptanceRecord | undefined,
  { isNew, schedules, isForeign }: ProjectFacts,
): AcceptanceRecord {
  const isSuspect = before ? isForeign && !before.isForeign : isNew
  const known = before?.known ?? []
  const arrived = isSuspect ? schedules.filter((name) => !known.includes(name)) : []
  const held = [...(before?.held ?? []).filter((name) => schedules.includes(name)), ...arrived]
  return { known: [...new Set([...known, ...schedules])], held, isForeign: isForeign || before?.isForeign === true }
}

/** Files that IDM has and this gateway does not read. */
const OF_IDM =
  /^(?:cluster|workflow|repo\.\w+|datasource\..+|provisioner\..+|ui-.+|ui\.context-.+|selfservice[.-].+)\.json$/

/** A file of `conf/`. */
export interface ConfFile {
  readonly name: string
  /** The schedule that it holds, when that is enabled. */
  readonly schedule?: string | undefined
}

export interface AcceptanceOptions {
  readonly project: Pick<Project, 'db'>
  readonly files: () => readonly ConfFile[]
  /** `live` of gateway.json. */
  readonly live: () => boolean | undefined
  readonly log: Logger
}

/** Which schedules of `conf/` wait until a person has accepted them, since they were not written through the gateway. */
export class Acceptance {
  readonly #options: AcceptanceOptions
  /** Whether there was a database when this was made. */
  readonly #isNew: boolean

  /** Must be made before the database is opened. */
  constructor(options: AcceptanceOptions) {
    this.#options = options
    this.#isNew = statSync(join(options.project.db, DATABASE), { throwIfNoEntry: false }) === undefined
  }

  /** Records what is there when a gateway starts. */
  begin(): void {
    this.#write(this.#current())
  }

  /** Looks at the record, which `doctor --accept` may have changed. */
  isHeld(schedule: string): boolean {
    const live = this.#options.live()
    if (live !== undefined) return !live
    return this.#current().held.includes(schedule)
  }

  /** A schedule that is written through the gateway is not held. */
  own(schedule: string): void {
    const record = this.#current()
    const known = [...new Set([...record.known, schedule])]
    this.#write({ ...record, known, held: record.held.filter((name) => name !== schedule) })
  }

  /** Accepts the project as it is. @returns the schedules that were held */
  acceptAll(): readonly string[] {
    const record = this.#current()
    this.#write({ ...record, held: [] })
    return record.held
  }

  /** As the next start would have it: files of IDM may have come while the gateway runs. */
  #current(): AcceptanceRecord {
    const files = this.#options.files()
    return recordAfter(this.#read(), {
      isNew: this.#isNew,
      schedules: files.flatMap(({ schedule }) => schedule ?? []),
      isForeign: files.some(({ name }) => OF_IDM.test(name)),
    })
  }

  /** A record that cannot be read holds all that is there. */
  #read(): AcceptanceRecord | undefined {
    const { project, files, log } = this.#options
    const file = join(project.db, ACCEPTANCE)
    try {
      return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      log.error({ file }, `${file} cannot be read: all schedules of conf/ are held`)
      const schedules = files().flatMap(({ schedule }) => schedule ?? [])
      return { known: schedules, held: schedules, isForeign: true }
    }
  }

  #write(record: AcceptanceRecord): void {
    writeRecord(this.#options.project, record)
  }
}

/** Records that a new project was made by this gateway: schedules that are put into it are not held. */
export const ownProject = (project: Pick<Project, 'db'>): void =>
  writeRecord(project, { known: [], held: [], isForeign: false })

function writeRecord({ db }: Pick<Project, 'db'>, record: AcceptanceRecord): void {
  mkdirSync(db, { recursive: true, mode: 0o750 })
  replaceFileSync(join(db, ACCEPTANCE), `${JSON.stringify(record, null, 2)}\n`, 0o644)
}
