import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, Logger } from '../contract.ts'
import {
  badRequest,
  conflict,
  internalError,
  payloadTooLarge,
  type ResourceException,
  toResourceException,
} from '../crest/errors.ts'
import { removeFile, replaceFile, sweepDrafts } from './atomic-write.ts'
import { formatConfig } from './config-format.ts'
import { parseConfigText } from './config-text.ts'
import type { ConfigDirectory } from './directory.ts'
import { MAX_FILE_BYTES, readFileBounded, UnreadableFile } from './file-read.ts'

/** What stands in a file right now. */
export interface CurrentFile {
  readonly bytes: Buffer
  readonly content?: JsonObject
  /** Why there is no `content`. */
  readonly fault?: string
}

/** Makes of what is there (undefined = nothing) what shall be there (undefined = nothing); throws to leave it. */
export type Edit = (current: CurrentFile | undefined) => JsonObject | undefined

/** How long an answer waits until the change is in force (`openidm.config.waitTimeout`). */
const IN_FORCE_MS = 5000
/** How often to begin again when somebody else changes the file at the same time. */
const ATTEMPTS = 5

/** Changes the files of a configuration directory, one change at a time. A directory has one writer. */
export class ConfigWriter {
  readonly #directory: ConfigDirectory
  readonly #log: Logger | undefined
  #last: Promise<unknown> = Promise.resolve()
  #swept: Promise<void> | undefined

  constructor(directory: ConfigDirectory, log?: Logger) {
    this.#directory = directory
    this.#log = log
  }

  /**
   * Resolves when the change is on disk and in force, or five seconds have passed. What was edited is the file as it
   * is on disk: an edit by hand is never lost. A change that cannot be taken into force is taken back.
   * @throws ResourceException 400 for content that its owner refuses, 409 when the file does not come to rest, 500
   */
  change(id: string, edit: Edit): Promise<void> {
    const change = this.#last.then(() => this.#change(id, edit))
    this.#last = change.catch(() => undefined)
    return change
  }

  async #change(id: string, edit: Edit): Promise<void> {
    const file = this.#directory.fileOf(id)
    try {
      this.#swept ??= sweepDrafts(this.#directory.dir).catch(() => undefined)
      await this.#swept
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (await this.#attempt(id, file, edit)) return
      }
    } catch (error) {
      throw writeFailure(error, id)
    }
    throw conflict(`The configuration ${id} is being changed by somebody else, try again`)
  }

  async #attempt(id: string, file: string, edit: Edit): Promise<boolean> {
    const current = readCurrent(file)
    if (current) await this.#refuseOtherCase(id)
    const content = edit(current)
    if (content === undefined) return current === undefined || this.#remove(id, file)
    if (isDeepStrictEqual(content, current?.content)) return true
    const faults = this.#directory.judge(id, content)
    if (faults.length > 0)
      throw badRequest(`The configuration ${id} is not valid: ${faults.join('; ')}`, { detail: { faults } })
    return this.#replace(id, file, current, bytesOf(id, content, current))
  }

  async #replace(id: string, file: string, current: CurrentFile | undefined, bytes: Buffer): Promise<boolean> {
    const isUnchanged = () => isSame(readCurrent(file), current)
    if (!(await replaceFile(file, bytes, isUnchanged))) return false
    await this.#takeIntoForce(id, async () => {
      if (current) await replaceFile(file, current.bytes, () => true)
      else await (await removeFile(file)).forget()
    })
    return true
  }

  async #remove(id: string, file: string): Promise<boolean> {
    const removed = await removeFile(file)
    await this.#takeIntoForce(id, removed.putBack)
    await removed.forget()
    return true
  }

  /** A consumer that failed before says nothing about this change. */
  async #takeIntoForce(id: string, takeBack: () => Promise<void>): Promise<void> {
    const failedBefore = this.#directory.failureOf(id) !== undefined
    await this.#settle(id)
    const failure = this.#directory.failureOf(id)
    if (!failure || failedBefore) return
    await takeBack()
    await this.#settle(id)
    throw internalError(`The configuration ${id} could not be taken into force, the previous one is back`, {
      cause: failure,
    })
  }

  async #settle(id: string): Promise<void> {
    const timer = new AbortController()
    const late = delay(IN_FORCE_MS, true, { signal: timer.signal }).catch(() => false)
    const isLate = await Promise.race([this.#directory.rescan().then(() => false), late])
    timer.abort()
    if (isLate)
      this.#log?.warn({ id }, `the configuration ${id} is stored but not yet in force after ${IN_FORCE_MS} ms`)
  }

  /** On a disk that does not tell `EU` from `eu`, the file is another object's. */
  async #refuseOtherCase(id: string): Promise<void> {
    if (this.#directory.find(id)) return
    await this.#directory.rescan()
    if (this.#directory.find(id)) return
    throw conflict(`The configuration ${id} differs from an existing one only in upper and lower case`)
  }
}

function readCurrent(file: string): CurrentFile | undefined {
  let bytes: Buffer
  try {
    bytes = readFileBounded(file).bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return { bytes, content: parseConfigText(bytes) }
  } catch (error) {
    return { bytes, fault: (error as Error).message }
  }
}

const isSame = (one: CurrentFile | undefined, other: CurrentFile | undefined): boolean =>
  one === undefined || other === undefined ? one === other : one.bytes.equals(other.bytes)

function bytesOf(id: string, content: JsonObject, current: CurrentFile | undefined): Buffer {
  const before = current?.content && { text: current.bytes.toString(), content: current.content }
  const bytes = Buffer.from(formatConfig(content, before))
  if (bytes.length <= MAX_FILE_BYTES) return bytes
  throw payloadTooLarge(`The configuration ${id} is larger than ${MAX_FILE_BYTES} bytes`)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the configuration directory does not exist',
}

function writeFailure(error: unknown, id: string): ResourceException {
  if (error instanceof UnreadableFile) return conflict(`The configuration ${id} cannot be changed: ${error.message}`)
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string') return toResourceException(error)
  const reason = REASONS[code] ?? 'the disk refused it'
  return internalError(`The configuration ${id} could not be stored: ${reason}; what was stored before is unchanged`, {
    cause: error,
  })
}
