import type { PairLink } from '../../repo/links/link-store.ts'
import type { Row, UndoneRow } from '../../repo/runs/run-row.ts'
import type { LinkSpace } from '../evaluate/link-space.ts'

/** What becomes of the links of a row that is undone. */
export interface LinkBack {
  /** The link that the row made, if it is still there: it goes. */
  readonly own: PairLink | null
  /** The link that the row removed, if it can come back. */
  readonly earlier: UndoneRow['link']
  /** Whether a link goes or comes. */
  readonly isOpen: boolean
  /** The action for links alone. */
  readonly action: 'LINK' | 'UNLINK'
  /** What is done. */
  readonly reasons: readonly string[]
  /** Why something is not done. */
  readonly notes: readonly string[]
}

/** @param present the links of its source and its target, and those at the places of the link that it removed */
export function linkBack(
  { after, sourceId, targetId, qualifier }: Row,
  present: readonly PairLink[],
  links: Pick<LinkSpace, 'sourceKey' | 'targetKey'>,
): LinkBack {
  const ofKind = present.filter((link) => link.qualifier === qualifier)
  const at = (sourceKey: string, targetKey: string) =>
    ofKind.find((link) => link.sourceKey === sourceKey && link.targetKey === targetKey) ?? null
  const made = after?.linked === true && sourceId !== null && targetId !== null
  const own = made ? at(links.sourceKey(sourceId), links.targetKey(targetId)) : null
  const isElsewhere = ofKind.some(({ sourceKey }) => sourceKey === links.sourceKey(sourceId ?? ''))
  const was = after?.unlinked
  const isBack = was ? at(was.sourceKey, was.targetKey) !== null : true
  const blocking = was && !isBack && ofKind.some((link) => link.id !== own?.id && isAtPlaceOf(link, was))
  const earlier = was && !isBack && !blocking ? { sourceKey: was.sourceKey, targetKey: was.targetKey } : null
  return {
    own,
    earlier,
    isOpen: own !== null || earlier !== null,
    action: earlier ? 'LINK' : 'UNLINK',
    reasons: [...(own ? ['its link goes'] : []), ...(earlier ? ['its earlier link comes back'] : [])],
    notes: [
      ...(made && !own && isElsewhere ? ['its link has changed since'] : []),
      ...(blocking ? ['its earlier link cannot come back: the source or the target is linked to another object'] : []),
    ],
  }
}

const isAtPlaceOf = (link: PairLink, was: PairLink): boolean =>
  link.sourceKey === was.sourceKey || link.targetKey === was.targetKey
