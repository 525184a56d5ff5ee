import type { Row } from '../../repo/runs/run-row.ts'

/** Creations of earlier runs that may have been carried out, and of which no answer is known. */
export class Unsettled {
  readonly #ids = new Map<string, string>()
  readonly #unknown = new Set<string>()

  constructor(rows: readonly Row[] = []) {
    for (const { sourceId, qualifier, status, intent } of rows) {
      const place = placeOf(sourceId, qualifier)
      if (status === 'UNKNOWN') this.#unknown.add(place)
      else if (intent?.kind === 'id' && intent.id !== null) this.#ids.set(place, intent.id)
    }
  }

  /** The id that an earlier request may have created the target of this source with. */
  idOf(sourceId: string | null, qualifier: string): string | undefined {
    return this.#ids.get(placeOf(sourceId, qualifier))
  }

  /** Why a row is not carried out: its target may be there already. */
  fault({ action, link, sourceId, qualifier }: Row): string | undefined {
    const isUnknown = action === 'CREATE' && link === null && this.#unknown.has(placeOf(sourceId, qualifier))
    return isUnknown ? UNKNOWN : undefined
  }
}

const UNKNOWN =
  'An earlier run may have created the target, and its answer is lost: look for it at the target. If it is there, link ' +
  'it; if not, run again with createUnknown'

const placeOf = (sourceId: string | null, qualifier: string): string => `${qualifier}\u0000${sourceId ?? ''}`
