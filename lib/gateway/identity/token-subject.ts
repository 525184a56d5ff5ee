/** What a token says about whom it stands for. */
export interface TokenParty {
  readonly subject: string | undefined
  readonly clientId: string | undefined
}

/**
 * The subjects by which `staticUserMapping` may name a token's owner. PingAM writes `(usr!name)` for users and
 * `(age!clientId)` for clients; other servers write a plain subject, or none for a client. A client may be named by
 * its plain id as well, a user called like a client may not.
 */
export function subjectsOf({ subject, clientId }: TokenParty): string[] {
  const typed = subject === undefined ? undefined : typedSubject(subject)
  if (subject !== undefined && typed) return typed.type === 'age' ? [subject, typed.name] : [subject]
  const name = subject ?? clientId
  if (name === undefined) return []
  return name === clientId ? [`(age!${name})`, name] : [`(usr!${name})`, name]
}

/** `(usr!bjensen)` in its parts; undefined for a plain subject. */
export function typedSubject(subject: string): { readonly type: string; readonly name: string } | undefined {
  const [, type, name] = /^\(([a-z]+)!(.+)\)$/s.exec(subject) ?? []
  return type !== undefined && name !== undefined ? { type, name } : undefined
}
