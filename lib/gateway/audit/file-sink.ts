import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditTopic } from '../../core/telemetry/audit.ts'
import type { AuditLine, AuditSink } from './event-queue.ts'
import type { HandlerSettings } from './settings.ts'

type Config = HandlerSettings['config']

export interface FileSinkOptions extends Pick<Config, 'fileRotation' | 'fileRetention'> {
  readonly directory: string
  /** Other processes that write to the same files. */
  readonly others?:
    | {
        /** Runs `work` while none of them runs work with the same key. */
        alone(key: string, work: () => Promise<void>): Promise<void>
      }
    | undefined
}

export const fileOf = (directory: string, topic: AuditTopic): string => join(directory, `${topic}.audit.json`)

const FIRST_LINE_BYTES = 16 * 1024
const FILE_MODE = 0o640
const DIRECTORY_MODE = 0o750

/** A line that was written in part. */
class PartlyWritten extends Error {
  readonly complete: number

  constructor(complete: number, cause: unknown) {
    super((cause as Error).message, { cause })
    this.complete = complete
  }
}

/**
 * Appends events to `TOPIC.audit.json`. The file is opened for each batch, so that `logrotate` and other workers can
 * rename it without a signal. Several processes may append, since each batch is one write to the end of the file.
 */
export class FileSink implements AuditSink {
  readonly #options: FileSinkOptions
  /** When the first event of a file was, by inode. */
  readonly #began = new Map<number, number>()
  /** Files whose last line may have no end: not looked at yet, or a write failed. */
  readonly #sound = new Set<string>()

  constructor(options: FileSinkOptions) {
    this.#options = options
  }

  async write(lines: readonly AuditLine[]): Promise<{ left: readonly AuditLine[]; fault?: Error }> {
    const left = new Set<AuditLine>()
    let fault: Error | undefined
    for (const [topic, own] of Map.groupBy(lines, (line) => line.topic)) {
      try {
        await this.#append(fileOf(this.#options.directory, topic), own)
      } catch (error) {
        const complete = error instanceof PartlyWritten ? error.complete : 0
        for (const line of own.slice(complete)) left.add(line)
        fault = error as Error
      }
    }
    return { left: lines.filter((line) => left.has(line)), ...(fault && { fault }) }
  }

  async #append(file: string, lines: readonly AuditLine[]): Promise<void> {
    await this.#rotateIfDue(file)
    const handle = await this.#open(file)
    try {
      if (!this.#sound.has(file)) await endLastLine(handle)
      this.#sound.add(file)
      await writeLines(handle, lines)
    } catch (error) {
      this.#sound.delete(file)
      throw error
    } finally {
      await handle.close()
    }
  }

  async #open(file: string): Promise<FileHandle> {
    try {
      return await open(file, 'a+', FILE_MODE)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await mkdir(this.#options.directory, { recursive: true, mode: DIRECTORY_MODE })
      return open(file, 'a+', FILE_MODE)
    }
  }

  async #rotateIfDue(file: string): Promise<void> {
    if (!(await this.#isDue(file))) return
    const rotate = async () => {
      // Another process may have done it.
      if (!(await this.#isDue(file))) return
      await rename(file, await freeName(file))
      await this.#removeOld(file, this.#options.directory)
    }
    const { others } = this.#options
    await (others ? others.alone(`audit ${file}`, rotate) : rotate())
  }

  async #isDue(file: string): Promise<boolean> {
    const { rotationEnabled, maxFileSize, rotationInterval } = this.#options.fileRotation
    if (!rotationEnabled) return false
    const found = await stat(file).catch(() => undefined)
    if (!found || found.size === 0) return false
    if (maxFileSize > 0 && found.size >= maxFileSize) return true
    if (!Number.isFinite(rotationInterval)) return false
    const began = this.#began.get(found.ino) ?? (await beginningOf(file)) ?? found.birthtimeMs
    this.#began.clear()
    this.#began.set(found.ino, began)
    return Date.now() - began >= rotationInterval
  }

  async #removeOld(file: string, directory: string): Promise<void> {
    const { maxNumberOfHistoryFiles: max, maxDiskSpaceToUse: space } = this.#options.fileRetention
    const prefix = `${file.slice(directory.length + 1)}-`
    const names = (await readdir(directory))
      .filter((name) => name.startsWith(prefix))
      .sort()
      .reverse()
    let bytes = 0
    for (const [index, name] of names.entries()) {
      const path = join(directory, name)
      bytes += (await stat(path)).size
      if ((max >= 0 && index >= max) || (space > 0 && bytes > space)) await rm(path, { force: true })
    }
  }
}

/** The time in the first line of a file. */
async function beginningOf(file: string): Promise<number | undefined> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0)
    const [, text] = /"timestamp":"([^"]+)"/.exec(buffer.toString('utf8', 0, bytesRead)) ?? []
    const time = text === undefined ? Number.NaN : Date.parse(text)
    return Number.isNaN(time) ? undefined : time
  } finally {
    await handle.close()
  }
}

/** `access.audit.json-2026.11.29-20.15.00`, as IDM names them. */
async function freeName(file: string): Promise<string> {
  const [date = '', time = ''] = new Date().toISOString().split(/[T.]/)
  const name = `${file}-${date.replaceAll('-', '.')}-${time.replaceAll(':', '.')}`
  for (let number = 0; ; number++) {
    const tried = number === 0 ? name : `${name}.${number}`
    if (!(await stat(tried).catch(() => undefined))) return tried
  }
}

/** A process that was killed, or a full disk, may have left half a line. */
async function endLastLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat()
  if (size === 0) return
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  if (buffer.toString() !== '\n') await handle.write('\n')
}

async function writeLines(handle: FileHandle, lines: readonly AuditLine[]): Promise<void> {
  const bytes = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''))
  let offset = 0
  try {
    while (offset < bytes.length) offset += (await handle.write(bytes, offset)).bytesWritten
  } catch (error) {
    const complete = bytes.subarray(0, offset).toString('latin1').split('\n').length - 1
    throw new PartlyWritten(complete, error)
  }
}
