/** Who is signed in. Credentials are in memory only: a reload signs in again. */
import { useEffect, useState } from 'preact/hooks'

export interface Session {
  readonly user: string
  readonly roles: readonly string[]
  readonly credentials: Credentials
}

/** What requests are sent with. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  /** When they have to be renewed, in milliseconds since 1970. Undefined: the gateway says so. */
  readonly until?: number | undefined
  /** @throws Error when they cannot be renewed now; {@link LoginEnded} when they never can */
  readonly renew?: (() => Promise<Credentials>) | undefined
}

/** Only a new sign-in helps. */
export class LoginEnded extends Error {}

const ENDED = 'Your login has ended. Sign in again.'

let current: Session | undefined
let notice = ''
let renewing: Promise<Session | undefined> | undefined
const listeners = new Set<() => void>()

const changed = (): void => {
  for (const listener of listeners) listener()
}

export const session = (): Session | undefined => current

/** Why the last session ended; empty when the user asked for it. */
export const signOutNotice = (): string => notice

export function signedIn(next: Session): void {
  current = next
  notice = ''
  changed()
}

export function signOut(why = ''): void {
  if (!current) return
  current = undefined
  notice = why
  changed()
}

/** The session to send a request with: renewed first when its time is over. @throws Error when that fails for now */
export async function liveSession(): Promise<Session | undefined> {
  const { until } = current?.credentials ?? {}
  return until === undefined || Date.now() < until ? current : renewedSession()
}

/** Renews the session, once for all who wait; one that cannot be renewed ends. @throws Error when it fails for now */
export function renewedSession(): Promise<Session | undefined> {
  renewing ??= renew(current).finally(() => {
    renewing = undefined
  })
  return renewing
}

async function renew(before: Session | undefined): Promise<Session | undefined> {
  try {
    const credentials = await before?.credentials.renew?.()
    // Signed out meanwhile, or never renewable.
    if (before !== current || !before) return current
    if (credentials) signedIn({ ...before, credentials })
    else signOut(ENDED)
  } catch (error) {
    if (!(error instanceof LoginEnded)) throw error
    if (before === current) signOut(ENDED)
  }
  return current
}

export function useSession(): Session | undefined {
  const [value, setValue] = useState(session)
  useEffect(() => {
    const update = () => setValue(current)
    update()
    listeners.add(update)
    return () => void listeners.delete(update)
  }, [])
  return value
}

/** Headers hold Latin-1 only: other text is encoded as RFC 5987 says. */
export const passwordHeaders = (name: string, password: string): Record<string, string> => ({
  'X-OpenIDM-Username': headerText(name),
  'X-OpenIDM-Password': headerText(password),
})

const headerText = (text: string): string =>
  /^[\x21-\x7e]*$/.test(text) && !text.includes("'") ? text : `UTF-8''${encoded(text)}`

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
