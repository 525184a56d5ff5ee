import { type Intent, isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { RunOptions } from './run-options.ts'

interface UnsettledFacts {
  /** Of the run that looks. */
  readonly rows: Pick<RunRows, 'unsettledCreations'>
  readonly mapping: { readonly name: string }
  readonly parts: { readonly options: Pick<RunOptions, 'overrides'> }
}

/** What earlier runs of the mapping have left, once it is settled as far as it can be. */
export async function unsettledOf({ rows, mapping, parts }: UnsettledFacts): Promise<Unsettled> {
  const mayCreate = parts.options.overrides.createUnknown === true
  const left = await rows.unsettledCreations(mapping.name)
  return new Unsettled(left.filter(({ status }) => !mayCreate || status !== 'UNKNOWN'))
}

/** Creations of earlier runs that may have been carried out, and of which no answer is known. */
export class Unsettled {
  readonly #intents = new Map<string, Intent>()
  readonly #unknown = new Set<string>()

  constructor(rows: readonly Row[] = []) {
    for (const row of rows) {
      const { status, intent } = row
      const place = placeOf(row)
      if (status === 'UNKNOWN') this.#unknown.add(place)
      else if (intent?.kind === 'id' || isProbe(intent)) this.#intents.set(place, intent)
    }
  }

  /** The intent with which an earlier request may have created the target of this source. */
  intentOf(row: Row): Intent | undefined {
    return isCreation(row) ? this.#intents.get(placeOf(row)) : undefined
  }

  /** Why a row is not carried out: its target may be there already. */
  fault(row: Row): string | undefined {
    return isCreation(row) && this.#unknown.has(placeOf(row)) ? UNKNOWN : undefined
  }
}

const UNKNOWN =
  'An earlier run may have created the target, and its answer is lost: look for it at the target. If it is there, link ' +
  'it; if not, run again with createUnknown (--create-unknown)'

/** A source that has been linked since has its target; one whose target is gone gets another. */
const isCreation = ({ action, link, situation }: Row): boolean =>
  action === 'CREATE' && (link === null || situation === 'MISSING')

const placeOf = ({ sourceId, qualifier }: Row): string => `${qualifier}\u0000${sourceId ?? ''}`
