import type { Scope } from '../../core/scope.ts'
import { Listener, type ListenerLoad, type ListenerOptions } from './listener.ts'

type Tls = NonNullable<ListenerOptions['tls']>

export interface ListenersOptions extends Omit<ListenerOptions, 'port' | 'tls'> {
  /** For HTTP; absent = none. */
  readonly port?: number | undefined
  /** For HTTPS. */
  readonly secure?: { readonly port: number; readonly tls: Tls } | undefined
  /** For commands, on loopback. */
  readonly local?: Pick<ListenerOptions, 'port' | 'onRequest'> | undefined
}

/** The open ports of a gateway. */
export class Listeners {
  readonly #listeners: readonly Listener[]
  readonly #local: Listener | undefined

  private constructor(listeners: readonly Listener[], local: Listener | undefined) {
    this.#listeners = listeners
    this.#local = local
  }

  /** @param scope closes them */
  static async open({ port, secure, local, ...common }: ListenersOptions, scope: Scope): Promise<Listeners> {
    const open = async (own: Pick<ListenerOptions, 'port'> & Partial<ListenerOptions>): Promise<Listener> => {
      const listener = await Listener.open({ ...common, ...own })
      scope.defer(`listener ${listener.origin}`, () => listener.close(AbortSignal.abort()))
      return listener
    }
    const listeners: Listener[] = []
    if (port !== undefined) listeners.push(await open({ port }))
    if (secure) listeners.push(await open(secure))
    return new Listeners(listeners, local && (await open({ ...local, host: '127.0.0.1' })))
  }

  /** Such as `http://127.0.0.1:8080`, HTTP first. */
  get origins(): string[] {
    return this.#listeners.map(({ origin }) => origin)
  }

  get localOrigin(): string | undefined {
    return this.#local?.origin
  }

  /** How busy all of them are. */
  get load(): ListenerLoad {
    const loads = this.#all.map(({ load }) => load)
    const sum = (count: (load: ListenerLoad) => number) => loads.reduce((total, load) => total + count(load), 0)
    return { connections: sum(({ connections }) => connections), requests: sum(({ requests }) => requests) }
  }

  get #all(): readonly Listener[] {
    return this.#local ? [...this.#listeners, this.#local] : this.#listeners
  }

  renewCertificate(tls: Tls): void {
    for (const listener of this.#listeners) listener.renewCertificate(tls)
  }

  /** Resolves when the requests in flight have ended. @param deadline cuts them off */
  async close(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((listener) => listener.close(deadline)))
  }
}
