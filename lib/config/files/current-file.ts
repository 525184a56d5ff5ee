import type { JsonObject } from '../../contract.ts'
import { parseConfigText } from './config-text.ts'
import { readFileBounded } from './file-read.ts'

/** What stands in a file right now. */
export interface CurrentFile {
  readonly bytes: Buffer
  readonly content?: JsonObject
  /** Why there is no `content`: a sentence. */
  readonly fault?: string
}

/**
 * Reads a configuration file; undefined when there is none.
 * @throws UnreadableFile for what is no file, or the file system's error
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

/** Whether `file` still holds these bytes; undefined = whether there is still no such file. */
export function stillHolds(file: string, bytes: Buffer | undefined): boolean {
  const current = readCurrent(file)
  return current === undefined || bytes === undefined ? current?.bytes === bytes : current.bytes.equals(bytes)
}
