/** The milliseconds that `Retry-After` asks for: seconds or a date (RFC 9110, section 10.2.3); undefined when it is neither. */
export function retryAfterMs(header: unknown): number | undefined {
  if (typeof header !== 'string') return undefined
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
