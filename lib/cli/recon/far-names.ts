import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { GatewayApi } from '../gateway-api.ts'
import { idOf, objectsIn, references, type Side } from './entry-text.ts'

/** Max objects that are read for their names. */
const MAX_READS = 20
const NAMES = ['name', 'userName', 'displayName', 'cn'] as const
const INSTANCE = /^external\/idm\/[^/]+\//

/** The names of the far objects of relationships in a plan; their ids where they cannot be read. */
export class FarNames {
  readonly #api: Pick<GatewayApi, 'read'>
  readonly #mapping: string
  readonly #known = new Map<string, string>()
  #bases: Readonly<Record<Side, string>> | undefined

  constructor(api: Pick<GatewayApi, 'read'>, mapping: string) {
    this.#api = api
    this.#mapping = mapping
  }

  /** Reads the far objects of these entries. */
  async learn(entries: readonly JsonObject[]): Promise<void> {
    for (const entry of entries)
      for (const { from, to, edges } of objectsIn(entry.changes)) {
        if (!isObject(edges)) continue
        for (const reference of [...references(to), ...references(from)]) await this.#learn('target', reference)
        const missing = Array.isArray(edges.missing) ? edges.missing.map(String) : []
        for (const reference of missing) await this.#learn('source', reference)
      }
  }

  readonly nameOf = (side: Side, reference: string): string =>
    this.#known.get(`${side} ${reference}`) ?? idOf(reference)

  async #learn(side: Side, reference: string): Promise<void> {
    const key = `${side} ${reference}`
    if (this.#known.has(key) || this.#known.size >= MAX_READS) return
    this.#bases ??= await this.#basesOf()
    const object = await this.#api.read(`${this.#bases[side]}${reference}`).catch(() => null)
    const name = NAMES.map((own) => object?.[own]).find((value) => typeof value === 'string' && value !== '')
    this.#known.set(key, typeof name === 'string' ? name : idOf(reference))
  }

  async #basesOf(): Promise<Readonly<Record<Side, string>>> {
    const path = `sync/mappings/${encodeURIComponent(this.#mapping)}`
    const mapping = await this.#api.read(path).catch(() => null)
    const base = (side: Side) => INSTANCE.exec(String(mapping?.[side]))?.[0] ?? ''
    return { source: base('source'), target: base('target') }
  }
}
