/** What a token says about whom it stands for. */
export interface TokenParty {
  readonly subject: string | undefined
  readonly clientId: string | undefined
}

/**
 * The subjects by which `staticUserMapping` may name a token's owner. PingAM writes `(usr!name)` for users and
 * `(age!clientId)` for clients; other servers write a plain subject, or none for a client. A client may be named by
 * its plain id as well, a user called like a client may not. `(age!…)` counts only in a token of that very client: a server
 * that writes plain subjects lets a user have that name.
 */
export function subjectsOf({ subject, clientId }: TokenParty): string[] {
  const typed = subject === undefined ? undefined : typedSubject(subject)
  if (subject !== undefined && typed) {
    if (typed.type !== 'age') return [subject]
    return typed.name === clientId ? [subject, typed.name] : []
  }
  const name = subject ?? clientId
  if (name === undefined) return []
  return name === clientId ? [`(age!${name})`, name] : [`(usr!${name})`, name]
}

/** `(usr!bjensen)` in its parts; undefined for a plain subject. */
export function typedSubject(subject: string): { readonly type: string; readonly name: string } | undefined {
  const [, type, name] = /^\(([a-z]+)!(.+)\)$/s.exec(subject) ?? []
  return type !== undefined && name !== undefined ? { type, name } : undefined
}
