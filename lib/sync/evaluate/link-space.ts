import type { LinkStore, NewLink, PairLink } from '../../repo/links/link-store.ts'
import type { RunSnapshot, SeenObject } from '../../repo/runs/run-snapshot.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { isOpposite } from './agreement-rules.ts'

export interface FollowedLink {
  readonly link: PairLink
  readonly seen: SeenObject | undefined
}

/**
 * The links of one mapping, its own or those of the mapping that `links` names. The reverse of a mapping swaps source and
 * target.
 */
export class LinkSpace {
  readonly enabled: boolean
  /** The mappings in the other direction. */
  readonly opposites: readonly Mapping[]
  readonly #links: LinkStore
  readonly #type: string
  readonly #isReverse: boolean
  readonly #sourceCase: boolean
  readonly #targetCase: boolean

  constructor(mapping: Mapping, others: readonly Mapping[], links: LinkStore) {
    const owner = mapping.links ? others.find(({ name }) => name === mapping.links) : mapping
    this.enabled = mapping.enableLinking
    this.opposites = others.filter((other) => isOpposite(mapping, other))
    this.#links = links
    this.#type = mapping.links ?? mapping.name
    this.#isReverse = owner !== mapping && !(owner?.source === mapping.source && owner.target === mapping.target)
    const [source, target] = [owner?.sourceIdsCaseSensitive ?? true, owner?.targetIdsCaseSensitive ?? true]
    this.#sourceCase = this.#isReverse ? target : source
    this.#targetCase = this.#isReverse ? source : target
  }

  /** The id of a source as it is stored in links. */
  sourceKey(id: string): string {
    return this.#sourceCase ? id : id.toLowerCase()
  }

  targetKey(id: string): string {
    return this.#targetCase ? id : id.toLowerCase()
  }

  async bySources(keys: readonly string[]): Promise<PairLink[]> {
    if (!this.enabled) return []
    const links = this.#isReverse
      ? await this.#links.bySecond(this.#type, keys)
      : await this.#links.byFirst(this.#type, keys)
    return links.map((link) => this.#pairOf(link))
  }

  async byTargets(keys: readonly string[]): Promise<PairLink[]> {
    if (!this.enabled) return []
    const links = this.#isReverse
      ? await this.#links.byFirst(this.#type, keys)
      : await this.#links.bySecond(this.#type, keys)
    return links.map((link) => this.#pairOf(link))
  }

  /** The links of sources, each with the target in the snapshot of the run. */
  async follow(keys: readonly string[], snapshot: RunSnapshot): Promise<FollowedLink[]> {
    if (!this.enabled) return []
    const followed = await snapshot.follow(this.#type, this.#isReverse ? 'second' : 'first', keys)
    return followed.map(({ link, seen }) => ({ link: this.#pairOf(link), seen }))
  }

  count(): Promise<number> {
    return this.enabled ? this.#links.count(this.#type) : Promise.resolve(0)
  }

  /** A link between two objects, by their ids. */
  between(sourceId: string, targetId: string, qualifier: string): NewLink {
    const [source, target] = [this.sourceKey(sourceId), this.targetKey(targetId)]
    const [first, second] = this.#isReverse ? [target, source] : [source, target]
    return { type: this.#type, qualifier, first, second }
  }

  #pairOf({ id, qualifier, first, second }: NewLink & { readonly id: string }): PairLink {
    const [sourceKey, targetKey] = this.#isReverse ? [second, first] : [first, second]
    return { id, qualifier, sourceKey, targetKey }
  }
}
