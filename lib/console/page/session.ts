/** Who is signed in. Credentials are in memory only: a reload signs in again. */
import { useEffect, useState } from 'preact/hooks'

export interface Session {
  readonly user: string
  readonly roles: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

let current: Session | undefined
let notice = ''
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
