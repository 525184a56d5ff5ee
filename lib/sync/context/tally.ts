import type { Row, RunRows } from '../../repo/run-rows.ts'
import { isSituation } from '../situation.ts'
import type { Statistics } from '../statistics.ts'
import type { ClearedFields } from './run-guards.ts'

const WINDOW = 500

/** Counts rows into the statistics of a run. */
export class Tally {
  readonly #statistics: Statistics
  readonly #isAnalysis: boolean

  constructor(statistics: Statistics, isAnalysis: boolean) {
    this.#statistics = statistics
    this.#isAnalysis = isAnalysis
  }

  /** A row as it is planned. */
  planned(row: Row): void {
    const statistics = this.#statistics
    if (isSituation(row.situation)) statistics.situation(row.situation, row.sourceId ?? row.targetId)
    if (row.status === null && row.link) statistics.linksProcessed += 1
    for (const { field, unseen, again } of row.changes ?? []) {
      if (unseen) statistics.field('unseen', field)
      if (again) statistics.field('writtenAgain', field)
    }
    if (row.status === null && !this.#isAnalysis) return
    this.done(row)
    statistics.status(row.status ?? 'SUCCESS')
    if (row.action === 'UPDATE' && row.status === 'SUCCESS') statistics.unchanged += 1
  }

  /** A row that is carried out. */
  done({ phase, targetId }: Row): void {
    const statistics = this.#statistics
    const { sources = 0, targets = Number.POSITIVE_INFINITY } = statistics
    if (phase === 'source') statistics.sourcesProcessed = Math.min(statistics.sourcesProcessed + 1, sources)
    if (targetId !== null) statistics.targetsProcessed = Math.min(statistics.targetsProcessed + 1, targets)
  }

  /** The rows of a plan that another run made. */
  async all(rows: RunRows, cleared: ClearedFields): Promise<void> {
    const statistics = this.#statistics
    statistics.sources = 0
    statistics.targets = 0
    for (let after = 0; ; ) {
      const some = await rows.after(after, WINDOW)
      const last = some.at(-1)
      if (!last) return
      statistics.sources += some.filter(({ phase }) => phase === 'source').length
      statistics.targets += some.filter(({ targetId }) => targetId !== null).length
      for (const row of some) {
        this.planned(row)
        cleared.count(row)
      }
      after = last.key
    }
  }
}
