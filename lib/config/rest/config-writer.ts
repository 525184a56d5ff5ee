import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, Logger } from '../../contract.ts'
import type { Awaitable } from '../../core/awaitable.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { badRequest, conflict, internalError, payloadTooLarge, ResourceException } from '../../crest/errors.ts'
import { removeFile, replaceFile, sweepDrafts } from '../files/atomic-write.ts'
import { parseConfigText } from '../files/config-text.ts'
import { type CurrentFile, readCurrent, stillHolds } from '../files/current-file.ts'
import type { ConfigDirectory } from '../files/directory.ts'
import { describeFault, faultsAsJson } from '../files/fault.ts'
import { MAX_FILE_BYTES } from '../files/file-read.ts'
import { writeFailure } from '../files/write-failure.ts'
import { formatConfig } from './config-format.ts'

/** Returns the new content for the current file; undefined = no file. Throws to leave the file unchanged. */
export type Edit = (current: CurrentFile | undefined) => Awaitable<JsonObject | undefined>

/** Other processes that read and write the same directory. */
export interface OtherProcesses {
  /** Runs `work` under a lock of this name. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>
  /** Resolves when all of them have applied the current files. */
  rescanOthers(): Promise<void>
}

/** Max time to wait until a change is in force; the vendor's `openidm.config.waitTimeout`. */
const MAX_WAIT_MS = 5000
/** Max attempts when the file is changed concurrently. */
const MAX_ATTEMPTS = 5

/** Changes the files of a configuration directory, one at a time. Create one per directory and process. */
export class ConfigWriter {
  readonly #directory: ConfigDirectory
  readonly #log: Logger | undefined
  readonly #others: OtherProcesses | undefined
  readonly #changes = new SerialQueue()
  #swept: Promise<void> | undefined

  constructor(directory: ConfigDirectory, log?: Logger, others?: OtherProcesses) {
    this.#directory = directory
    this.#log = log
    this.#others = others
  }

  /**
   * Resolves when the change is on disk and in force in all processes, or after five seconds. The edit starts from the
   * file on disk: manual edits are not lost. A change that cannot be applied is rolled back.
   * @throws ResourceException 400 for content that its consumer refuses, 409 when the file keeps changing, 500
   */
  change(id: string, edit: Edit): Promise<void> {
    const others = this.#others
    const work = () => this.#change(id, edit)
    return this.#changes.add(() => (others ? others.alone('configuration', work) : work()))
  }

  async #change(id: string, edit: Edit): Promise<void> {
    const file = this.#directory.fileOf(id)
    try {
      this.#swept ??= sweepDrafts(this.#directory.dir).catch(() => undefined)
      await this.#swept
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (await this.#attempt(id, file, edit)) return
      }
    } catch (error) {
      throw writeFailure(error, id)
    }
    throw conflict(`The configuration ${id} is being changed by another writer, try again`)
  }

  async #attempt(id: string, file: string, edit: Edit): Promise<boolean> {
    const current = readCurrent(file)
    if (current) await this.#refuseOtherCase(id)
    const content = await edit(current)
    if (content === undefined) return current === undefined || this.#remove(id, file)
    if (isDeepStrictEqual(content, current?.content)) return true
    const faults = await this.#directory.judge(id, content)
    if (faults.length > 0) {
      const detail = { faults: faultsAsJson(faults) }
      throw badRequest(`The configuration ${id} is not valid: ${faults.map(describeFault).join('; ')}`, { detail })
    }
    return this.#replace(id, file, current, bytesOf(id, content, current))
  }

  async #replace(id: string, file: string, current: CurrentFile | undefined, bytes: Buffer): Promise<boolean> {
    const before = this.#failureBefore(id)
    if (!(await replaceFile(file, bytes, () => stillHolds(file, current?.bytes)))) return false
    await this.#takeIntoForce(id, before, async () => {
      if (current) await replaceFile(file, current.bytes, () => stillHolds(file, bytes))
      else if (stillHolds(file, bytes)) await (await removeFile(file)).forget()
    })
    return true
  }

  async #remove(id: string, file: string): Promise<boolean> {
    const before = this.#failureBefore(id)
    const removed = await removeFile(file)
    await this.#takeIntoForce(id, before, () => (stillHolds(file, undefined) ? removed.putBack() : removed.forget()))
    await removed.forget()
    return true
  }

  /**
   * A consumer that already failed, because of another object, tells nothing about this change. Read before the file
   * changes, as the watcher may apply it first.
   */
  #failureBefore(id: string): Error | undefined {
    return id.includes('/') ? this.#directory.failureOf(id) : undefined
  }

  async #takeIntoForce(id: string, before: Error | undefined, takeBack: () => Promise<void>): Promise<void> {
    await this.#settle(id)
    const cause = this.#directory.failureOf(id)
    if (!cause || before) return
    try {
      await takeBack()
    } catch (error) {
      this.#log?.error({ err: error, id }, `the previous configuration of ${id} could not be put back`)
      throw internalError(`The configuration ${id} is stored but could not be taken into force`, { cause })
    }
    await this.#settle(id)
    const isRefused = cause instanceof ResourceException && cause.code < 500
    if (isRefused) throw badRequest(`The configuration ${id} is not valid: ${cause.message}; the previous one is back`)
    throw internalError(`The configuration ${id} could not be taken into force, the previous one is back`, { cause })
  }

  async #settle(id: string): Promise<void> {
    const timer = new AbortController()
    const late = delay(MAX_WAIT_MS, true, { signal: timer.signal }).catch(() => false)
    const isLate = await Promise.race([this.#everywhere().then(() => false), late])
    timer.abort()
    if (isLate)
      this.#log?.warn({ id }, `the configuration ${id} is stored but not yet in force after ${MAX_WAIT_MS} ms`)
  }

  async #everywhere(): Promise<void> {
    await this.#directory.rescan()
    await this.#others?.rescanOthers()
  }

  /** On a case-insensitive file system, the file of `EU` is that of `eu`. */
  async #refuseOtherCase(id: string): Promise<void> {
    if (this.#directory.find(id)) return
    await this.#directory.rescan()
    if (this.#directory.find(id)) return
    throw conflict(`The configuration ${id} differs from an existing one only in upper and lower case`)
  }
}

/** The new bytes of the file, checked to be readable by the next scan. */
function bytesOf(id: string, content: JsonObject, current: CurrentFile | undefined): Buffer {
  const before = current?.content && { text: current.bytes.toString(), content: current.content }
  const bytes = Buffer.from(formatConfig(content, before))
  if (bytes.length > MAX_FILE_BYTES) {
    throw payloadTooLarge(`The configuration ${id} is larger than ${MAX_FILE_BYTES} bytes`)
  }
  try {
    parseConfigText(bytes)
  } catch (error) {
    throw badRequest(`The configuration ${id} is not valid: ${(error as Error).message}`)
  }
  return bytes
}
