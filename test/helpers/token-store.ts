import type { Adapter, TokenPayload } from 'oidc-provider'

/** Where a token server keeps what it issued, so that a test can look and revoke. Opaque tokens are their own key. */
export class TokenStore {
  readonly #payloads = new Map<string, TokenPayload>()

  /** Every token that is neither revoked nor expired, in order of issue. */
  get active(): string[] {
    return [...this.#payloads.keys()].filter((token) => this.isActive(token))
  }

  isActive(token: string): boolean {
    const { exp = 0 } = this.#payloads.get(token) ?? {}
    return exp * 1000 > Date.now()
  }

  /** Revokes one token, or all of them. */
  revoke(token?: string): void {
    if (token === undefined) this.#payloads.clear()
    else this.#payloads.delete(token)
  }

  /** The view that oidc-provider has of one of its models; only client credentials are ever stored. */
  adapter(model: string): Adapter {
    const payloads = model === 'ClientCredentials' ? this.#payloads : new Map<string, TokenPayload>()
    return {
      upsert: async (id, payload) => void payloads.set(id, payload),
      find: async (id) => payloads.get(id),
      destroy: async (id) => void payloads.delete(id),
      consume: async () => undefined,
      revokeByGrantId: async () => undefined,
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    }
  }
}
