import type { JsonObject } from '../../contract.ts'
import { parseConfigText } from './config-text.ts'
import { readFileBounded } from './file-read.ts'

/** The current content of a file. */
export interface CurrentFile {
  readonly bytes: Buffer
  readonly content?: JsonObject
  /** Why there is no `content`, as a sentence. */
  readonly fault?: string
}

/**
 * Reads a configuration file; undefined if it does not exist.
 * @throws UnreadableFile if it is not a regular file, or the file system's error
 */
export function readCurrent(file: string): CurrentFile | undefined {
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

/** Whether `file` still has this content; undefined = whether it still does not exist. */
export function stillHolds(file: string, bytes: Buffer | undefined): boolean {
  const current = readCurrent(file)
  return current === undefined || bytes === undefined ? current?.bytes === bytes : current.bytes.equals(bytes)
}
