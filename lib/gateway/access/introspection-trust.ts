import type { SecureContext } from 'node:tls'
import type { TokenSource } from '../../config/values/substitution/value-sources.ts'
import { TrustStore } from '../../trust/trust-store.ts'
import { trustStoreSettings } from '../../trust/trust-store-settings.ts'
import type { HostLog } from '../project/log.ts'
import type { Project } from '../project/project.ts'

/** Whom the gateway trusts when it asks a token server: the same store, by the same settings, as for the remotes. */
export class IntrospectionTrust {
  readonly #sources: TokenSource
  readonly #parts: { readonly project: Project; readonly log: HostLog }
  #store: TrustStore | undefined

  constructor(sources: TokenSource, parts: { readonly project: Project; readonly log: HostLog }) {
    this.#sources = sources
    this.#parts = parts
  }

  /** Looks at the files first: tokens are asked about seldom enough, and a renewed authority needs no restart. */
  async secureContext(): Promise<SecureContext> {
    const { project, log } = this.#parts
    this.#store ??= new TrustStore({ ...trustStoreSettings(this.#sources, project.dir), log })
    await this.#store.load()
    return this.#store.secureContext()
  }
}
