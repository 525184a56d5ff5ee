import { chmod, unlink } from 'node:fs/promises'
import { replaceFile } from '../../config/files/atomic-write.ts'
import { readCurrent, stillHolds } from '../../config/files/current-file.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'

export interface PlannedFile {
  /** Absolute. */
  readonly path: string
  readonly text: string
  /** What it holds now; undefined when it does not exist. */
  readonly before: Buffer | undefined
  /** Others may read a new one: it holds no secret. */
  readonly isPublic?: boolean
}

/** The bytes of a file; undefined when it does not exist. @throws StartError when it cannot be read */
export function currentBytes(path: string): Buffer | undefined {
  try {
    return readCurrent(path)?.bytes
  } catch (error) {
    throw startError(path, error)
  }
}

/**
 * Writes all files or none.
 * @throws StartError when one cannot be written or was changed meanwhile; those written before are as they were
 */
export async function writeAll(files: readonly PlannedFile[]): Promise<void> {
  const written: PlannedFile[] = []
  for (const file of files) {
    const { path, text, before, isPublic } = file
    try {
      if (!(await replaceFile(path, Buffer.from(text), () => stillHolds(path, before))))
        throw new StartError(`${path}: was changed at the same time; try again`)
      written.unshift(file)
      if (isPublic && !before) await chmod(path, 0o644)
    } catch (error) {
      for (const one of written) await putBack(one)
      throw startError(path, error)
    }
  }
}

const putBack = ({ path, before }: PlannedFile): Promise<unknown> =>
  before ? replaceFile(path, before, () => true) : unlink(path)
