import { isOutOfFiles, OUT_OF_FILES_TEXT } from '../../core/system-error.ts'
import { conflict, internalError, type ResourceException, toResourceException } from '../../crest/errors.ts'
import { UnreadableFile } from './file-read.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the configuration directory does not exist',
}

/** The error for an object that could not be stored; the original error is its cause, for the log. */
export function writeFailure(error: unknown, id: string): ResourceException {
  if (error instanceof UnreadableFile) return conflict(`The configuration ${id} cannot be changed: ${error.message}`)
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string') return toResourceException(error)
  const reason = isOutOfFiles(code) ? OUT_OF_FILES_TEXT : (REASONS[code] ?? 'the file system returned an error')
  return internalError(`The configuration ${id} could not be stored: ${reason}; what was stored before is unchanged`, {
    cause: error,
  })
}
