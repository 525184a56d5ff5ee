import { OUT_OF_FILES_TEXT } from '../../core/system-error.ts'

/** Why something does not start, in one line for a person; the command line prints it without a stack. */
export class StartError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'StartError'
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the port is taken by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EISDIR: 'is a directory',
  EMFILE: OUT_OF_FILES_TEXT,
  ENFILE: OUT_OF_FILES_TEXT,
  ENOENT: 'does not exist',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'is not a directory',
  ENOTFOUND: 'the host name is unknown',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'

/** What went wrong with a file or socket, without Node's abbreviations where we know better words. */
export function reasonOf(error: unknown): string {
  if (isSystemError(error)) return REASONS[error.code] ?? error.message
  return error instanceof Error ? error.message : String(error)
}

/** `error` as a StartError: `subject` (a file, an address) and what is wrong with it. */
export const startError = (subject: string, error: unknown): StartError =>
  error instanceof StartError ? error : new StartError(`${subject}: ${reasonOf(error)}`, { cause: error })

/** Whether an address could not be listened on because another program does. */
export const isPortTaken = (error: unknown): boolean =>
  error instanceof StartError && isSystemError(error.cause) && error.cause.code === 'EADDRINUSE'
