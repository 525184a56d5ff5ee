import { setTimeout as delay } from 'node:timers/promises'
import type { CapturedRequest, ChangeCapture, Disposable, Logger, OutgoingRequest } from '../../../contract.ts'
import { ResourceException, serviceUnavailable } from '../../../crest/errors.ts'
import { pathElements } from '../../../crest/protocol/resource-path.ts'
import type { CapturedChanges, CaptureStore } from '../../../repo/queue/capture-store.ts'
import { remoteSourceOf } from '../../mapping/path.ts'
import type { ConfiguredMapping, MappingRegistry } from '../../mapping/registry.ts'
import { type IsHeld, isLive } from '../live-mappings.ts'
import { Captured, type CapturedCollection } from './captured.ts'
import { writtenIn } from './written.ts'

export interface ChangeCapturesOptions {
  readonly store: CaptureStore
  /** The mappings in force; others can take their place. */
  readonly mappings?: Mappings | undefined
  readonly isHeld?: IsHeld | undefined
  /** Aborts when the host begins to stop: what is captured then stays so to the end. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** The mappings in force: the same array until something changes. */
type Mappings = Pick<MappingRegistry, 'inForce'>

type Index = ReadonlyMap<string, readonly CapturedCollection[]>

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 10_000
const RETRY_AFTER_MS = 1000

/**
 * Captures what requests through this gateway change at remotes that are the source of a mapping with `captureChanges`.
 * Before a request is sent, its intent is on the disk: what is assumed if its outcome stays unknown. The
 * response turns it into events, or removes it.
 */
export class ChangeCaptures implements ChangeCapture, Disposable {
  readonly #options: ChangeCapturesOptions
  readonly #stop = new AbortController()
  readonly #settling = new Set<Promise<void>>()
  #mappings: Mappings | undefined
  #indexed: readonly ConfiguredMapping[] = []
  #index: Index = new Map()

  constructor(options: ChangeCapturesOptions) {
    this.#options = options
    this.#mappings = options.mappings
  }

  /** From now on these mappings count. */
  follow(mappings: Mappings): void {
    this.#mappings = mappings
  }

  intend(request: OutgoingRequest): Promise<CapturedRequest> | undefined {
    const collections = this.#current().get(request.instance)
    if (!collections) return undefined
    const found = collections.flatMap((collection) => {
      const written = this.#isHeld(collection) ? [] : writtenIn(collection.elements, request.method, request.path)
      return written.map((one) => ({ collection, written: one }))
    })
    if (found.length === 0) return undefined
    return this.#note(new Captured(request, found, (key, became) => this.#settle(key, became)))
  }

  /** Resolves when nothing is being settled any more. What could not be stored is an intent, which another process takes over. */
  async dispose(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#settling)
  }

  async #note(captured: Captured): Promise<CapturedRequest> {
    const { doubt } = captured
    try {
      captured.noted(await this.#options.store.intend(doubt))
      return captured
    } catch (cause) {
      const names = [...new Set([...doubt.events.map(({ mapping }) => mapping), ...doubt.sweeps])].join(', ')
      const reason = cause instanceof ResourceException ? cause.message : 'the database cannot be written'
      const message = `The request was not sent: the change cannot be noted for the mapping ${names} (captureChanges): ${reason}`
      throw serviceUnavailable(message, { cause, retryAfterMs: RETRY_AFTER_MS })
    }
  }

  #settle(key: number, became: CapturedChanges): void {
    const settling = this.#store(key, became).then(() => {
      this.#settling.delete(settling)
    })
    this.#settling.add(settling)
  }

  /** Tries until it is stored: meanwhile the intent stands for it. */
  async #store(key: number, became: CapturedChanges): Promise<void> {
    const { store, log } = this.#options
    for (let wait = FIRST_DELAY_MS; ; wait = Math.min(2 * wait, MAX_DELAY_MS)) {
      try {
        for (const mapping of await store.settle(key, became))
          log.warn(
            { mapping },
            `mapping ${mapping}: a captured request has changed objects that are not known: it needs a full reconciliation`,
          )
        return
      } catch (error) {
        if (wait === FIRST_DELAY_MS)
          log.error({ err: error }, 'a captured change was not stored yet: it is tried again')
        const isOver = await delay(wait, false, { signal: this.#stop.signal }).catch(() => true)
        if (isOver) return
      }
    }
  }

  #isHeld({ mapping }: CapturedCollection): boolean {
    return this.#options.isHeld?.(mapping) === true
  }

  #current(): Index {
    const mappings = this.#mappings?.inForce
    if (!mappings || mappings === this.#indexed || this.#options.signal.aborted) return this.#index
    this.#indexed = mappings
    this.#index = Map.groupBy(mappings.flatMap(capturedBy), ({ instance }) => instance)
    return this.#index
  }
}

function capturedBy({ mapping }: ConfiguredMapping): CapturedCollection[] {
  const { name, source, captureChanges } = mapping
  const remote = captureChanges && isLive(mapping) ? remoteSourceOf(source) : undefined
  return remote ? [{ mapping: name, source, instance: remote.instance, elements: pathElements(remote.path) }] : []
}
