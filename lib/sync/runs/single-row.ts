import type { RequestContext } from '../../crest/protocol/request.ts'
import { LINK_EXISTS, type Row } from '../../repo/runs/run-row.ts'
import { Performer, type Reevaluate } from '../apply/performer.ts'
import { type LiveChange, RunContext } from '../context/run-context.ts'
import type { Overrides } from '../context/run-options.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import type { ReconServiceOptions } from './recon-service.ts'

export interface SingleOptions {
  /** The change that is carried over. */
  readonly live?: LiveChange
  readonly overrides?: Overrides
}

/** What reads, evaluates and writes one pair that no run stores. */
export async function singleContext(
  parts: ReconServiceOptions,
  configured: ConfiguredMapping,
  caller: RequestContext,
  { live, overrides = {} }: SingleOptions,
): Promise<RunContext> {
  const context = new RunContext({
    ...parts,
    ...parts.accessOf?.(caller),
    ...configured,
    id: '',
    number: 0,
    mappings: parts.mappings.all().map(({ mapping }) => mapping),
    options: { action: 'reconById', ids: [], isAnalysis: false, persists: false, overrides },
    snapshot: parts.runs.snapshot(0),
    live,
  })
  await context.sentValues.load()
  return context
}

/**
 * Carries out an evaluated row, unless the evaluation has ended it.
 * @returns the row as it ended
 */
export async function carryOutRow(context: RunContext, row: Row, reevaluate?: Reevaluate): Promise<Row> {
  if (row.status !== null) return row
  let last = row
  const finish = async (done: Row): Promise<boolean> => {
    last = done
    return (await context.rows.finish([done], true))[0] ?? false
  }
  const performer = new Performer({ context, committer: { finish }, isRehearsed: false, reevaluate })
  const status = await (await performer.perform(row)).settled
  return { ...last, status, ...(status === 'FAILURE' && { failure: last.failure ?? LINK_EXISTS }) }
}
