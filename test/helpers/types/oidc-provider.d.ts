/** The part of oidc-provider that the token servers of the tests use; the package ships no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export type TokenPayload = Readonly<Record<string, unknown>> & { readonly exp?: number; readonly clientId?: string }

  export interface Adapter {
    upsert(id: string, payload: TokenPayload, expiresIn: number): Promise<void>
    find(id: string): Promise<TokenPayload | undefined>
    destroy(id: string): Promise<void>
    consume(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
    findByUid(uid: string): Promise<TokenPayload | undefined>
    findByUserCode(userCode: string): Promise<TokenPayload | undefined>
  }

  export interface ClientMetadata {
    readonly client_id: string
    readonly client_secret?: string
    readonly token_endpoint_auth_method: string
    readonly scope?: string
    readonly grant_types?: readonly string[]
    readonly response_types?: readonly string[]
    readonly redirect_uris?: readonly string[]
  }

  export interface Configuration {
    readonly adapter?: (model: string) => Adapter
    readonly clients: readonly ClientMetadata[]
    readonly clientDefaults?: Readonly<Record<string, unknown>>
    readonly clientAuthMethods?: readonly string[]
    readonly clientBasedCORS?: (context: unknown, origin: string) => boolean
    readonly cookies?: { readonly keys: readonly string[] }
    readonly findAccount?: (context: unknown, id: string) => object
    readonly interactions?: { readonly url: (context: unknown, interaction: { readonly uid: string }) => string }
    readonly pkce?: { readonly required: () => boolean }
    readonly features: Readonly<Record<string, { readonly enabled: boolean; readonly allowedPolicy?: () => boolean }>>
    readonly jwks?: { readonly keys: readonly object[] }
    readonly routes?: Readonly<Record<string, string>>
    readonly scopes: readonly string[]
    readonly ttl: Readonly<Record<string, number | (() => number)>>
  }

  export interface Context {
    status: number
    body: unknown
    readonly path: string
    readonly method: string
    readonly req: IncomingMessage
    readonly headers: Readonly<Record<string, string | undefined>>
    set(header: string, value: string): void
    readonly oidc?: { readonly client?: { readonly clientAuthMethod: string } }
  }

  export interface Interaction {
    readonly prompt: { readonly name: string }
    readonly params: Readonly<Record<string, unknown>>
    readonly session?: { readonly accountId: string }
  }

  export interface Grant {
    addOIDCScope(scope: string): void
    save(): Promise<string>
  }

  export class Provider {
    readonly Grant: new (properties: {
      readonly accountId: string | undefined
      readonly clientId: string
    }) => Grant
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>
    constructor(issuer: string, configuration: Configuration)
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void
    on(event: 'server_error', listener: (context: Context, error: Error) => void): void
  }
}
