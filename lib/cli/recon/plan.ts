/** Plans: their rows, what changed between two of them, and their approval. */
import { pipeline } from 'node:stream/promises'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { CommandIo } from '../command.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { type Output, widthOf } from '../output.ts'
import { json } from '../text.ts'
import { csvHeader, csvLines, entryLabel, entryLines } from './entry-text.ts'
import { nextSteps, planState, planText } from './plan-text.ts'
import { type RowOptions, rowFilter } from './row-selection.ts'
import { existingRun } from './runs.ts'

export interface PlanOptions extends ApiOptions, RowOptions {
  readonly csv?: boolean
  /** The id of another plan. */
  readonly diff?: string
}

/** Shows a plan: counts and examples, or all rows that are selected. Resolves to the exit status. */
export const reconPlan = (id: string, options: PlanOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const run = await existingRun(api, id)
    const plan = (await api.read(`recon/plan/${encodeURIComponent(id)}`)) ?? {}
    if (options.diff !== undefined) await existingRun(api, options.diff)
    const { only, field, id: object, csv, diff } = options
    const isSummary = [only, field, object, csv, diff].every((option) => option === undefined) && !options.json
    if (isSummary) {
      io.stdout.write(await planText(api, run, plan, widthOf(io.stdout)))
      io.stdout.write(nextSteps(id, plan, options, io))
      return 0
    }
    const pages = diff === undefined ? entries(api, id, options) : differences(api, id, diff)
    const form = diff === undefined ? ENTRY : DIFFERENCE
    await writeAll(io.stdout, textOf(pages, form, { plan, options, width: widthOf(io.stdout) }))
    return 0
  })

type Pages = AsyncIterable<readonly JsonObject[]>

const entries = (api: GatewayApi, id: string, options: RowOptions): Pages =>
  api.pages(`recon/plan/${encodeURIComponent(id)}/entry`, { _queryFilter: rowFilter(options) })

const differences = (api: GatewayApi, id: string, other: string): Pages =>
  api.pages(`recon/plan/${encodeURIComponent(id)}/diff/${encodeURIComponent(other)}`, { _queryFilter: 'true' })

/** How listed rows are written. */
interface Form {
  readonly header: string
  csv(entry: JsonObject): string
  lines(entry: JsonObject, width: number): string[]
}

const ENTRY: Form = {
  header: csvHeader(),
  csv: (entry) => csvLines(entry),
  lines: (entry, width) => entryLines(entry, width, entryLabel(entry)),
}

/** A changed row is shown as it was and as it is. */
const DIFFERENCE: Form = {
  header: csvHeader('change'),
  csv: (difference) =>
    sidesOf(difference)
      .map(([change, entry]) => csvLines(entry, change))
      .join(''),
  lines: (difference, width) =>
    sidesOf(difference).flatMap(([change, entry]) => entryLines(entry, width, `${change}: ${entryLabel(entry)}`)),
}

function sidesOf({ change, entry, other }: JsonObject): [change: string, entry: JsonObject][] {
  const [own, others] = [isObject(entry) ? entry : undefined, isObject(other) ? other : undefined]
  if (change !== 'changed') return own || others ? [[String(change), own ?? others ?? {}]] : []
  return [
    ...(others ? [['was', others] as [string, JsonObject]] : []),
    ...(own ? [['is', own] as [string, JsonObject]] : []),
  ]
}

interface Context {
  readonly plan: JsonObject
  readonly options: PlanOptions
  readonly width: number
}

/** A page at a time: a plan may have a million rows. */
async function* textOf(pages: Pages, form: Form, { plan, options, width }: Context): AsyncGenerator<string> {
  if (options.csv) {
    yield form.header
    for await (const page of pages) yield page.map(form.csv).join('')
  } else if (options.json) {
    yield `{"plan":${JSON.stringify(plan)},"entries":[`
    let separator = '\n'
    for await (const page of pages)
      for (const entry of page) {
        yield `${separator}${JSON.stringify(entry)}`
        separator = ',\n'
      }
    yield '\n]}\n'
  } else
    for await (const page of pages)
      yield page
        .flatMap((entry) => form.lines(entry, width))
        .map((line) => `${line}\n`)
        .join('')
}

/** Writes with back-pressure. Ends without an error when the reader closes the pipe, as `head` does. */
async function writeAll(stdout: Output, texts: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(texts, stdout as NodeJS.WritableStream, { end: false })
  } catch (error) {
    if (
      !(
        error instanceof Error &&
        'code' in error &&
        (error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
      )
    )
      throw error
  }
}

/** Approves a plan. Resolves to the exit status. */
export const reconApprove = (id: string, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    await existingRun(api, id)
    const plan = await api.action(`recon/${encodeURIComponent(id)}`, 'approve', {}, null)
    if (options.json) io.stdout.write(json(plan))
    else io.stdout.write(`${planState(plan, widthOf(io.stdout)).join('\n')}\n${nextSteps(id, plan, options, io)}`)
    return 0
  })
