/**
 * What a public client checks of an ID token: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation.
 * It comes from the token endpoint itself, so that TLS vouches for it in place of its signature.
 */

/** Clocks differ. */
const LEEWAY_MS = 60_000

export interface Expected {
  readonly issuer: string
  readonly clientId: string
  /** Undefined in a token of a refresh, which need not have it. */
  readonly nonce?: string | undefined
  /** Whom the first token of this login was about. */
  readonly subject?: string | undefined
}

type Claims = Readonly<Record<string, unknown>>

/** @returns its subject @throws Error with what is wrong with it */
export function checkIdToken(token: unknown, { issuer, clientId, nonce, subject }: Expected, now = Date.now()): string {
  const { iss, sub, aud, azp, exp, nonce: found } = claimsOf(token)
  const audiences = Array.isArray(aud) ? aud : [aud]
  if (iss !== issuer) throw new Error('The ID token is of another provider.')
  if (!audiences.includes(clientId)) throw new Error('The ID token is for another client.')
  if ((audiences.length > 1 || azp !== undefined) && azp !== clientId)
    throw new Error('The ID token was issued to another client.')
  if (typeof exp !== 'number' || exp * 1000 + LEEWAY_MS <= now) throw new Error('The ID token has expired.')
  if (nonce !== undefined && found !== nonce) throw new Error('The ID token is not of this sign-in.')
  if (typeof sub !== 'string' || sub === '') throw new Error('The ID token has no subject.')
  if (subject !== undefined && sub !== subject) throw new Error('The ID token has another subject.')
  return sub
}

function claimsOf(token: unknown): Claims {
  const [, payload = '', , ...rest] = typeof token === 'string' ? token.split('.') : []
  try {
    if (rest.length > 0) throw new Error('five parts: it is encrypted')
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0))
    return { ...(JSON.parse(new TextDecoder().decode(bytes)) as object) } as Claims
  } catch {
    throw new Error('The provider sent no ID token that can be read.')
  }
}
