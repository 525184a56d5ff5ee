import { createSecureContext, type SecureContext } from 'node:tls'
import type { Disposable } from '../contract.ts'
import type { InstanceProperties } from './properties.ts'

/** The certificates that remotes are trusted by; they may change while we run. */
export interface Trust {
  /** PEM certificates for `tls`; undefined = Node's own roots. */
  ca(): string[] | undefined
  onChange(listener: () => void): Disposable
}

/** Secure contexts, made once per trust and kind of instance: a thousand instances share one. */
export class TlsContexts {
  readonly #trust: Trust
  /** By TLS version; undefined = whatever Node offers. */
  readonly #contexts = new Map<InstanceProperties['tlsVersion'], SecureContext>()

  constructor(trust: Trust) {
    this.#trust = trust
  }

  contextFor({ tlsVersion }: Pick<InstanceProperties, 'tlsVersion'>): SecureContext {
    const known = this.#contexts.get(tlsVersion)
    if (known) return known
    const versions = tlsVersion === undefined ? {} : { minVersion: tlsVersion, maxVersion: tlsVersion }
    const context = createSecureContext({ ca: this.#trust.ca(), ...versions })
    this.#contexts.set(tlsVersion, context)
    return context
  }

  /** The trust has changed: contexts are made anew when they are asked for. */
  forget(): void {
    this.#contexts.clear()
  }
}
