import { OUT_OF_FILES_TEXT } from '../../core/system-error.ts'

/** A startup failure with a one-line message; the command line prints it without a stack. */
export class StartError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'StartError'
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the port is already in use',
  EADDRNOTAVAIL: 'the address is not available on this machine',
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

/** Describes a file or socket error, without error codes where a plain description exists. */
export function reasonOf(error: unknown): string {
  if (isSystemError(error)) return REASONS[error.code] ?? error.message
  return error instanceof Error ? error.message : String(error)
}

/** Wraps `error` in a StartError that names `subject`, such as a file or an address. */
export const startError = (subject: string, error: unknown): StartError =>
  error instanceof StartError ? error : new StartError(`${subject}: ${reasonOf(error)}`, { cause: error })

/** Whether a listen address is already in use. */
export const isPortTaken = (error: unknown): boolean =>
  error instanceof StartError && isSystemError(error.cause) && error.cause.code === 'EADDRINUSE'
