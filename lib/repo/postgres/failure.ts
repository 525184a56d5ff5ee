import { badRequest, ResourceException } from '../../crest/errors.ts'

const RETRY_AFTER_MS = 1000

const codeOf = (error: unknown): string => String((error as { readonly code?: unknown } | undefined)?.code ?? '')

/**
 * Whether the connection is gone or was never there. SQLSTATE: https://www.postgresql.org/docs/18/errcodes-appendix.html,
 * class 08 and those of a server that ends or begins, or ends a transaction that is idle; else a code of Node, or what `pg` says without one.
 */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error)
  if (/^08|^57P0[123]$|^25P03$/.test(code)) return true
  if (/^(?:ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)/.test(code)) return true
  return code === '' && error instanceof Error && LOST.test(error.message)
}

const LOST =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|timeout expired)/

/** serialization_failure, deadlock_detected: another transaction was first, and the same work may succeed now. */
export const isConflict = (error: unknown): boolean => ['40001', '40P01'].includes(codeOf(error))

/** What is said of a failure of the database; an error of this project is what it is. */
export function exceptionOf(error: unknown): unknown {
  if (error instanceof ResourceException) return error
  const options = { retryAfterMs: RETRY_AFTER_MS, cause: error }
  if (isConnectionLost(error)) return new ResourceException(503, 'The database cannot be reached', options)
  const code = codeOf(error)
  // too_many_connections, and what a full disk or memory leads to.
  if (code.startsWith('53')) return new ResourceException(503, 'The database has no more room', options)
  if (code === '57014') return new ResourceException(503, 'The database takes too long', options)
  if (isConflict(error)) return new ResourceException(503, 'The database is busy', options)
  // read_only_sql_transaction: a standby.
  if (code === '25006') return new ResourceException(503, 'The database cannot be written to', options)
  if (code === '22021') return badRequest('The database cannot keep a text with U+0000', { cause: error })
  return error
}
