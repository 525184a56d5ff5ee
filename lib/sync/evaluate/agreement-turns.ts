import type { Logger } from '../../contract.ts'
import { conflict, type ResourceException } from '../../crest/errors.ts'
import type { AgreementStore } from '../../repo/links/agreement-store.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { ConflictRule } from './agreement-rules.ts'

/** How often two mappings may write an object in turn: ten rounds. */
const MAX_TURNS = 20
const TURNS_WITHIN_MS = 600_000

interface TurnsOptions {
  readonly store: AgreementStore
  readonly mapping: Mapping
  readonly decided?: ConflictRule | undefined
  readonly log: Pick<Logger, 'error'>
}

/** Stops objects that two mappings keep changing in turns: such an object is parked until a person decides about it. */
export class Turns {
  readonly #options: TurnsOptions
  readonly #opposite: Mapping | undefined

  constructor(options: TurnsOptions, opposite: Mapping | undefined) {
    this.#options = options
    this.#opposite = opposite
  }

  /**
   * The links among these that are parked. Somebody who decides about a run, or a pair, releases them.
   * @param releases false in an analysis
   */
  async parked(links: readonly string[], releases: boolean): Promise<ReadonlySet<string>> {
    const { store, decided } = this.#options
    const parked = (await store.parked(links)).map(({ id }) => id)
    if (decided === undefined) return new Set(parked)
    if (releases) for (const link of parked) await store.release(link)
    return new Set()
  }

  /** Counts a write. @throws conflict when the object has gone round too often */
  async count(row: Row, link: string): Promise<void> {
    const { store, mapping, log } = this.#options
    if ((await store.countTurn(link, mapping.name, TURNS_WITHIN_MS)) <= MAX_TURNS) return
    await store.park(link)
    const { sourceId, targetId } = row
    log.error({ mapping: mapping.name, sourceId, targetId }, 'an object that goes round between two mappings is parked')
    throw this.fault(row)
  }

  fault({ sourceId }: Row): ResourceException {
    const { mapping } = this.#options
    const [what, minutes] = [`${mapping.source}/${sourceId} goes round`, TURNS_WITHIN_MS / 60_000]
    const why = `${mapping.name} and ${this.#opposite?.name} have written it ${MAX_TURNS} times in turn within ${minutes} minutes`
    const cure = `find out what changes it at each write, then release it with ${decisionFor(mapping, sourceId)}`
    return conflict(`${what}: ${why}. It is parked: ${cure}`)
  }
}

/** The failure of a row with fields that both sides have changed. */
export function disputeOf(
  mapping: Mapping,
  opposite: Mapping | undefined,
  { sourceId }: Row,
  fields: readonly string[],
): ResourceException {
  const { source, target } = mapping
  const what = `${fields.join(', ')}: changed in ${source} and in ${target} since both last agreed: nothing was written`
  const cures = [
    `To let ${source} win, run ${decisionFor(mapping, sourceId)}`,
    `to let ${target} win, do so with the mapping ${opposite?.name}`,
  ]
  return conflict(`${what}. ${cures.join('; ')}`)
}

const decisionFor = ({ name }: Mapping, sourceId: string | null): string =>
  `sync?_action=performAction&mapping=${name}&action=UPDATE&situation=CONFIRMED&sourceId=${sourceId}, or reconById with {"conflict": "source"}`
