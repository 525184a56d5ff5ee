import { statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { readFileBounded, UnreadableFile } from '../../config/files/file-read.ts'
import { watchDirectory } from '../../config/files/watcher.ts'
import type { Disposable, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { utf8Text } from '../../core/utf8.ts'
import { badRequest, ResourceException } from '../../crest/errors.ts'
import { versionOf } from './script.ts'

/** A script file with its content. */
export interface ScriptFile {
  /** The requested name: `endpoints/quota.js`. */
  readonly name: string
  /** Absolute. */
  readonly path: string
  readonly source: string
  readonly version: string
}

export interface ScriptFilesOptions {
  /** Absolute; searched in this order. */
  readonly directories: readonly string[]
  /** Whether to watch for changes. */
  readonly watch: boolean
  /** Checks a changed file. @throws Error with a message for users; then the previous version stays in force */
  readonly check: (file: ScriptFile) => Promise<void>
  readonly log: Logger
}

const missingText = (name: string): string => `The script file ${name} is in none of the script directories`

/** Whether `error` says that this very file is missing, and not one that it requires. */
export const isMissing = (error: unknown, name: string): boolean =>
  error instanceof ResourceException && error.message === missingText(name)

const MISSING_CURE = 'put the file into script/, or take out what names it'
/** Delay of a scan after an event, and how long a file must be unchanged before it is loaded. */
const DEBOUNCE_MS = 40
/** The same for what does not compile, or is empty: a slow writer may be at work (docs/pitfalls.md#partial-files). */
const INVALID_DEBOUNCE_MS = 500

/**
 * The script files, each in its last valid version: a file that no longer compiles is reported, and the previous version
 * stays in force.
 */
export class ScriptFiles implements Disposable {
  readonly #options: ScriptFilesOptions
  readonly #files = new Map<string, ScriptFile>()
  /** Faults that have been logged, by name. */
  readonly #refused = new Map<string, string>()
  /** Changed files by name: their new state, and since when they have it. */
  readonly #changed = new Map<string, { readonly seen: string; readonly since: number }>()
  readonly #watchers = new Map<string, Disposable>()
  readonly #scans = new SerialQueue()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ScriptFilesOptions) {
    this.#options = options
  }

  /** The version in force; reads a file on its first use. @throws ResourceException 400 */
  current(name: string): ScriptFile {
    return this.#files.get(name) ?? this.accept(this.read(name))
  }

  /** The file on disk. @throws ResourceException 400 when it does not exist, or its name is not allowed */
  read(name: string): ScriptFile {
    checkName(name)
    for (const directory of this.#options.directories) {
      const path = resolve(directory, ...name.split('/'))
      if (!path.startsWith(directory.endsWith(sep) ? directory : directory + sep)) continue
      const source = textOf(path, name)
      if (source !== undefined) return { name, path, source, version: versionOf(source) }
    }
    throw badRequest(missingText(name), { cure: MISSING_CURE })
  }

  /** The name of a file in one of the directories, for its absolute path; any other name as it is. */
  relative(name: string): string {
    const directory = this.#options.directories.find((one) => name.startsWith(one + sep))
    return directory === undefined ? name : name.slice(directory.length + 1)
  }

  /** Puts a version into force, and watches the file. */
  accept(file: ScriptFile): ScriptFile {
    this.#files.set(file.name, file)
    this.#refused.delete(file.name)
    if (this.#options.watch && !this.#closed) this.#follow(file)
    return file
  }

  async dispose(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#watchers.values()].map((watcher) => watcher.dispose()))
    await this.#scans.idle()
  }

  /** Watches the folder of a file, and those where a new file would take precedence. */
  #follow({ name, path }: ScriptFile): void {
    for (const directory of this.#options.directories) {
      const candidate = join(directory, name)
      const folder = dirname(candidate)
      if (!this.#watchers.has(folder) && isDirectory(folder)) {
        const { log } = this.#options
        this.#watchers.set(folder, watchDirectory({ dir: folder, log, onEvent: () => this.#scheduleScan() }))
      }
      if (candidate === path) return
    }
  }

  #scheduleScan(): void {
    if (this.#closed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#scans.add(() => this.#scan())
    }, DEBOUNCE_MS)
  }

  async #scan(): Promise<void> {
    for (const known of [...this.#files.values()]) if (!this.#closed) await this.#check(known)
  }

  async #check(known: ScriptFile): Promise<void> {
    const found = this.#find(known.name)
    const seen = typeof found === 'string' ? found : `${found.path} ${found.version}`
    if (seen === `${known.path} ${known.version}`) {
      this.#changed.delete(known.name)
      this.#refused.delete(known.name)
      return
    }
    const unchangedFor = this.#unchangedFor(known.name, seen)
    const fault = typeof found === 'string' ? found : await this.#faultOf(found)
    const isDoubtful = fault !== undefined || (typeof found === 'object' && found.source.trim() === '')
    if (unchangedFor < (isDoubtful ? INVALID_DEBOUNCE_MS : DEBOUNCE_MS)) this.#scheduleScan()
    else if (typeof found === 'string' || fault !== undefined) this.#refuse(known, fault ?? '')
    else {
      this.accept(found)
      this.#options.log.info({ file: found.path }, `${known.name} was reloaded`)
    }
  }

  /** For how many milliseconds it has its present state. */
  #unchangedFor(name: string, seen: string): number {
    const now = performance.now()
    const before = this.#changed.get(name)
    if (before?.seen === seen) return now - before.since
    this.#changed.set(name, { seen, since: now })
    return 0
  }

  /** The file, or the reason why it cannot be read. */
  #find(name: string): ScriptFile | string {
    try {
      return this.read(name)
    } catch (error) {
      return sentenceOf(error)
    }
  }

  async #faultOf(file: ScriptFile): Promise<string | undefined> {
    try {
      await this.#options.check(file)
      return undefined
    } catch (error) {
      return sentenceOf(error)
    }
  }

  #refuse({ name, path }: ScriptFile, why: string): void {
    if (this.#refused.get(name) === why || this.#closed) return
    this.#refused.set(name, why)
    this.#options.log.error({ file: path }, `${name}: ${why}; what was in force stays`)
  }
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function checkName(name: string): void {
  if (isAbsolute(name) || name.startsWith('\\') || /^[A-Za-z]:/.test(name))
    throw badRequest(`The script file ${name}: the path must be relative to a script directory`)
  if (!name.endsWith('.js')) throw badRequest(`The script file ${name}: the name must end with .js`)
  const parts = name.split(/[/\\]/)
  if (name.includes('\0') || parts.some((part) => part === '..' || part === '.' || part === ''))
    throw badRequest(`The script file ${name}: the path must not contain the parts "..", "." or an empty one`)
}

function textOf(path: string, name: string): string | undefined {
  try {
    const text = utf8Text(readFileBounded(path).bytes)
    if (text === undefined) throw new UnreadableFile('it is not UTF-8 text')
    return text
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw badRequest(`The script file ${name} cannot be read: ${code ?? message}`)
  }
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
