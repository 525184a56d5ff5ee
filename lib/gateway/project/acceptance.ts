import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../contract.ts'
import { replaceFileSync } from '../../core/replace-file.ts'
import { z } from '../../core/schema.ts'
import { DATABASE, type Project } from './project.ts'

/** In the project's `db/`: which schedules and mappings have been seen, and which of them wait to be accepted. */
export const ACCEPTANCE = 'acceptance.json'

const names = z.array(z.string())
const seenShape = {
  /** Those of earlier starts, and those that were written over REST. */
  known: names,
  /** Those that wait for `doctor --accept`. */
  held: names,
}
const recordSchema = z.object({
  /** Of the schedules. */
  ...seenShape,
  /** The mappings that carry changes over by themselves; absent until all of them could be read. */
  mappings: z.object(seenShape).optional(),
  /** Whether `conf/` had files that only IDM has. */
  isForeign: z.boolean(),
})

type AcceptanceRecord = z.infer<typeof recordSchema>
type Seen = Pick<AcceptanceRecord, 'known' | 'held'>

/** What a project looks like when a gateway starts on it. */
export interface ProjectFacts {
  /** No gateway has kept anything in `db/`. */
  readonly isNew: boolean
  /** The names of the enabled schedules of `conf/`. */
  readonly schedules: readonly string[]
  /** The names of the mappings that carry changes over by themselves; undefined while they cannot all be read. */
  readonly mappings: readonly string[] | undefined
  readonly isForeign: boolean
}

/**
 * Schedules and mappings are held when a gateway starts for the first time on a project, and when files of IDM have come
 * into a project that had none. Schedules of a project that a gateway has run on before this rule are accepted as they
 * are; mappings are not, since that gateway carried nothing over by itself.
 */
export function recordAfter(before: AcceptanceRecord | undefined, facts: ProjectFacts): AcceptanceRecord {
  const { isNew, schedules, mappings, isForeign } = facts
  const isSuspect = before ? isForeign && !before.isForeign : isNew
  const present = (before?.held ?? []).filter((name) => schedules.includes(name))
  const seen = seenAfter({ known: before?.known ?? [], held: present }, schedules, isSuspect)
  const mappingsBefore = isSuspect && mappings === undefined ? undefined : before?.mappings
  // One that is out of its file for a moment stays held.
  const mappingsSeen = mappings
    ? seenAfter(mappingsBefore ?? { known: [], held: [] }, mappings, isSuspect || !mappingsBefore)
    : mappingsBefore
  return {
    ...seen,
    ...(mappingsSeen && { mappings: mappingsSeen }),
    isForeign: isForeign || before?.isForeign === true,
  }
}

function seenAfter({ known, held }: Seen, present: readonly string[], isSuspect: boolean): Seen {
  const arrived = isSuspect ? present.filter((name) => !known.includes(name)) : []
  return { known: [...new Set([...known, ...present])], held: [...new Set([...held, ...arrived])] }
}

/** Files that IDM has and this gateway does not read. */
const OF_IDM =
  /^(?:cluster|workflow|repo\.\w+|datasource\..+|provisioner\..+|ui-.+|ui\.context-.+|selfservice[.-].+)\.json$/

/** A file of `conf/`. */
export interface ConfFile {
  readonly name: string
  /** The schedule that it holds, when that is enabled. */
  readonly schedule?: string | undefined
  /** The mappings in it that carry changes over by themselves; undefined when it cannot be told. */
  readonly mappings: readonly string[] | undefined
}

export interface AcceptanceOptions {
  readonly project: Pick<Project, 'db'>
  readonly files: () => readonly ConfFile[]
  /** `live` of gateway.json. */
  readonly live: () => boolean | undefined
  readonly log: Logger
}

/** What was held, by name. */
export interface Accepted {
  readonly schedules: readonly string[]
  readonly mappings: readonly string[]
}

/**
 * Which schedules and mappings of `conf/` wait until a person has accepted them, since they were not written through the
 * gateway.
 */
export class Acceptance {
  readonly #options: AcceptanceOptions
  /** Whether there was a database when this was made. */
  readonly #isNew: boolean
  #lastRead: { readonly version: string; readonly record: AcceptanceRecord } | undefined

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
    return this.#judge(({ held }) => held.includes(schedule))
  }

  /** The same of a mapping. */
  isMappingHeld(mapping: string): boolean {
    return this.#judge(({ mappings }) => mappings?.held.includes(mapping) !== false)
  }

  /** Schedules and mappings that are written through the gateway are not held. */
  own({ schedules = [], mappings = [] }: Partial<Accepted>): void {
    if (schedules.length === 0 && mappings.length === 0) return
    const record = this.#current()
    const own = record.mappings && ownedBy(record.mappings, mappings)
    this.#write({ ...record, ...ownedBy(record, schedules), ...(own && { mappings: own }) })
  }

  /** Accepts the project as it is. @returns what was held */
  acceptAll(): Accepted {
    const record = this.#current()
    const { held, mappings } = record
    this.#write({ ...record, held: [], ...(mappings && { mappings: { ...mappings, held: [] } }) })
    const present = this.#facts().mappings ?? []
    return { schedules: held, mappings: (mappings?.held ?? []).filter((name) => present.includes(name)) }
  }

  #judge(isHeld: (record: AcceptanceRecord) => boolean): boolean {
    const live = this.#options.live()
    return live === undefined ? isHeld(this.#current()) : !live
  }

  /** As the next start would have it: files of IDM may have come while the gateway runs. */
  #current(): AcceptanceRecord {
    return recordAfter(this.#read(), this.#facts())
  }

  #facts(): ProjectFacts {
    const files = this.#options.files()
    const mappings = files.map((file) => file.mappings)
    return {
      isNew: this.#isNew,
      schedules: files.flatMap(({ schedule }) => schedule ?? []),
      mappings: mappings.includes(undefined) ? undefined : mappings.flatMap((found = []) => found),
      isForeign: files.some(({ name }) => OF_IDM.test(name)),
    }
  }

  /** A record that cannot be read holds all that is there. */
  #read(): AcceptanceRecord | undefined {
    const { project, files, log } = this.#options
    const file = join(project.db, ACCEPTANCE)
    const version = versionOf(file)
    if (version === undefined) return undefined
    if (this.#lastRead?.version === version) return this.#lastRead.record
    try {
      const record = recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      this.#lastRead = { version, record }
      return record
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      log.error({ file }, `${file} cannot be read: all schedules and mappings of conf/ are held`)
      const schedules = files().flatMap(({ schedule }) => schedule ?? [])
      return { known: schedules, held: schedules, isForeign: true }
    }
  }

  #write(record: AcceptanceRecord): void {
    writeRecord(this.#options.project, record)
  }
}

const ownedBy = ({ known, held }: Seen, own: readonly string[]): Seen => ({
  known: [...new Set([...known, ...own])],
  held: held.filter((name) => !own.includes(name)),
})

/** Each write makes a new file. */
function versionOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  return found && `${found.ino}:${found.mtimeMs}:${found.size}`
}

/** Records that a new project was made by this gateway: what is put into it is not held. */
export const ownProject = (project: Pick<Project, 'db'>): void =>
  writeRecord(project, { known: [], held: [], mappings: { known: [], held: [] }, isForeign: false })

function writeRecord({ db }: Pick<Project, 'db'>, record: AcceptanceRecord): void {
  mkdirSync(db, { recursive: true, mode: 0o750 })
  replaceFileSync(join(db, ACCEPTANCE), `${JSON.stringify(record, null, 2)}\n`, 0o644)
}
