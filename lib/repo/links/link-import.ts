import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Link, LinkStore, NewLink } from './link-store.ts'

/** How the links of a mapping are stored. */
export interface LinkForm {
  readonly type: string
  /** Undefined = a script knows them. */
  readonly qualifiers: readonly string[] | undefined
  firstKey(id: string): string
  secondKey(id: string): string
}

/** Why an entry is not added: it is no link of the mapping, or one of its ends is linked to another object. */
export interface Refusal {
  /** Its place among the entries. */
  readonly index: number
  readonly kind: 'invalid' | 'conflict'
  readonly reason: string
}

export interface ImportedLinks {
  readonly added: number
  readonly unchanged: number
  readonly refused: readonly Refusal[]
}

/**
 * Adds links as `representLink` shows them. The entries are judged one by one, each beside the stored links and the
 * entries before it.
 * @param isDry only judges
 */
export async function importLinks(
  store: LinkStore,
  entries: readonly Json[],
  form: LinkForm,
  isDry: boolean,
): Promise<ImportedLinks> {
  const read = entries.map((entry) => readLink(entry, form))
  const links = read.filter((link) => typeof link !== 'string')
  const known = new KnownLinks([
    ...(await store.byFirst(form.type, [...new Set(links.map(({ first }) => first))])),
    ...(await store.bySecond(form.type, [...new Set(links.map(({ second }) => second))])),
  ])
  const refused: Refusal[] = []
  const added: { index: number; link: NewLink }[] = []
  let unchanged = 0
  for (const [index, link] of read.entries()) {
    if (typeof link === 'string') refused.push({ index, kind: 'invalid', reason: link })
    else if (known.has(link)) unchanged += 1
    else {
      const conflict = known.conflictWith(link)
      if (conflict) refused.push({ index, kind: 'conflict', reason: conflictText(conflict) })
      else {
        known.add(link)
        added.push({ index, link })
      }
    }
  }
  if (isDry) return { added: added.length, unchanged, refused }
  const results = await store.add(added.map(({ link }) => link))
  const late = added.filter((_, place) => results[place] !== true)
  for (const { index } of late) refused.push({ index, kind: 'conflict', reason: 'It was linked at the same time' })
  refused.sort((one, other) => one.index - other.index)
  return { added: added.length - late.length, unchanged, refused }
}

/** @returns the link, or what is wrong with the entry */
function readLink(entry: Json, { type, qualifiers, firstKey, secondKey }: LinkForm): NewLink | string {
  if (!isObject(entry)) return 'it is no object with firstId and secondId'
  const { linkType = type, linkQualifier, firstId, secondId } = entry
  if (typeof firstId !== 'string' || firstId === '') return 'firstId must be the id of an object'
  if (typeof secondId !== 'string' || secondId === '') return 'secondId must be the id of an object'
  if (linkType !== type) return `linkType must be ${JSON.stringify(type)}`
  const qualifier = linkQualifier ?? 'default'
  if (typeof qualifier !== 'string' || qualifier === '') return 'linkQualifier must be a text'
  if (qualifiers && !qualifiers.includes(qualifier))
    return `the mapping has no linkQualifier ${JSON.stringify(qualifier)}: it has ${qualifiers.join(', ')}`
  return { type, qualifier, first: firstKey(firstId), second: secondKey(secondId) }
}

const conflictText = ({ first, second, qualifier }: NewLink): string =>
  `${first} is linked to ${second} already${qualifier === 'default' ? '' : ` (${qualifier})`}`

/** Links of one type by their ends. */
class KnownLinks {
  readonly #byFirst = new Map<string, NewLink>()
  readonly #bySecond = new Map<string, NewLink>()

  constructor(links: readonly Link[]) {
    for (const link of links) this.add(link)
  }

  add(link: NewLink): void {
    this.#byFirst.set(keyOf(link.qualifier, link.first), link)
    this.#bySecond.set(keyOf(link.qualifier, link.second), link)
  }

  has({ qualifier, first, second }: NewLink): boolean {
    return this.#byFirst.get(keyOf(qualifier, first))?.second === second
  }

  /** A link of one of the ends to another object. */
  conflictWith({ qualifier, first, second }: NewLink): NewLink | undefined {
    return this.#byFirst.get(keyOf(qualifier, first)) ?? this.#bySecond.get(keyOf(qualifier, second))
  }
}

const keyOf = (qualifier: string, id: string): string => JSON.stringify([qualifier, id])
