import type { JsonObject } from '../../contract.ts'

export interface NewLink {
  /** The mapping whose link it is. */
  readonly type: string
  readonly qualifier: string
  /** The source of that mapping. */
  readonly first: string
  readonly second: string
}

export interface Link extends NewLink {
  readonly id: string
}

/** A link as a mapping sees it: from its source to its target. */
export interface PairLink {
  readonly id: string
  readonly qualifier: string
  readonly sourceKey: string
  readonly targetKey: string
}

/** How many links have one type. */
export interface LinkCount {
  readonly type: string
  readonly count: number
}

/** The links of all mappings. `RunRows.finish` adds them, too, together with the rows that they belong to. */
export interface LinkStore {
  byFirst(type: string, ids: readonly string[]): Promise<Link[]>
  bySecond(type: string, ids: readonly string[]): Promise<Link[]>
  count(type: string): Promise<number>
  /** @throws notFound */
  get(id: string): Promise<Link>
  /** Links after `id` in the order of their ids, narrowed by type or by one of the ends where those are given. */
  after(id: string, limit: number, narrowed?: Partial<NewLink>): Promise<Link[]>
  /** @returns for each whether it was added: not where one of its ends is linked already with this type and qualifier */
  add(links: readonly NewLink[]): Promise<boolean[]>
  /** @returns whether it existed */
  remove(id: string): Promise<boolean>
  /** In the order of the types. */
  countByType(): Promise<LinkCount[]>
  /** Removes links of a type, `limit` at most. @returns how many */
  removeType(type: string, limit: number): Promise<number>
}

/** As `repo/link` shows it. */
export const representLink = ({ type, qualifier, first, second }: Link): JsonObject => ({
  linkType: type,
  linkQualifier: qualifier,
  firstId: first,
  secondId: second,
})
