/** Claims that identify the owner of a token. */
export interface TokenClaims {
  readonly subject: string | undefined
  readonly clientId: string | undefined
}

/**
 * Returns the subjects that `staticUserMapping` may match. PingAM writes `(usr!name)` for users and `(age!clientId)`
 * for clients; other servers write a plain subject, or none for a client. Clients may also be matched by plain id,
 * unless a user token has that subject. `(age!…)` is accepted only in a token of that client, since servers with plain
 * subjects may let users choose such a name.
 */
export function subjectsOf({ subject, clientId }: TokenClaims): string[] {
  const typed = subject === undefined ? undefined : typedSubject(subject)
  if (subject !== undefined && typed) {
    if (typed.type !== 'age') return [subject]
    return typed.name === clientId ? [subject, typed.name] : []
  }
  const name = subject ?? clientId
  if (name === undefined) return []
  return name === clientId ? [`(age!${name})`, name] : [`(usr!${name})`, name]
}

/** Parses `(usr!bjensen)`; undefined for a plain subject. */
export function typedSubject(subject: string): { readonly type: string; readonly name: string } | undefined {
  const [, type, name] = /^\(([a-z]+)!(.+)\)$/s.exec(subject) ?? []
  return type !== undefined && name !== undefined ? { type, name } : undefined
}
