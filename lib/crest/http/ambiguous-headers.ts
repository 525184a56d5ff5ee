import type { IncomingMessage } from 'node:http'
import { badRequest } from '../errors.ts'

/** Headers with one value. Of two values, readers take the first, the last, or both. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-type',
  'x-http-method-override',
  'x-openidm-username',
  'x-openidm-password',
])

/** Headers that decide about access or the result of a request, besides conditions (`If-…`) and `X-OpenIDM-…`. */
const END_TO_END: ReadonlySet<string> = new Set([
  'accept-api-version',
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'range',
  'transfer-encoding',
  'x-http-method-override',
  'x-requested-with',
])

const CONDITIONS = ['if-match', 'if-none-match'] as const

type Head = Pick<IncomingMessage, 'headers'> & Partial<Pick<IncomingMessage, 'rawHeaders'>>

/**
 * Refuses headers that two readers of a request could understand differently, so that the remote would execute another
 * request than the gateway has authorized.
 * @throws ResourceException 400
 */
export function refuseAmbiguousHeaders({ headers, rawHeaders = [] }: Head): void {
  refuseRepetition(rawHeaders)
  refuseConnection(headers.connection)
  for (const name of CONDITIONS) refuseCondition(name, headers[name])
}

function refuseRepetition(rawHeaders: readonly string[]): void {
  let seen: Set<string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    if (!SINGLE.has(name)) continue
    if (seen?.has(name)) throw badRequest(`The request has the header ${name} more than once`)
    seen ??= new Set()
    seen.add(name)
  }
}

/** A proxy drops the headers that `Connection` names (RFC 9110, section 7.6.1), after access was decided with them. */
function refuseConnection(connection: string | undefined): void {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim()
    if (name.startsWith('if-') || name.startsWith('x-openidm-') || END_TO_END.has(name))
      throw badRequest(`Connection names ${name}, which is not a header of one connection`)
  }
}

/** Refuses an empty value and a quoted `*`: no condition for some readers, a revision for others. */
function refuseCondition(name: string, value: string | undefined): void {
  if (value === undefined) return
  const text = value.trim()
  if (text.replaceAll(',', '').trim() === '' || text === '"*"' || text === 'W/"*"')
    throw badRequest(`The header ${name} must be * or a revision`)
}
