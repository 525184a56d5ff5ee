import { createInterface } from 'node:readline'
import type { JsonObject } from '../../contract.ts'
import { type CommandIo, UsageError } from '../command.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { columnsOf, widthOf } from '../output.ts'
import { json, table } from '../text.ts'
import { planText } from './plan-text.ts'
import { follow } from './progress.ts'
import { runCells, runText } from './run-text.ts'

export interface ReconOptions extends ApiOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly byId?: string
  readonly maxDeletes?: string
  readonly maxClears?: string
  readonly acceptUnassessed?: boolean
  readonly allowApproximate?: boolean
}

/** Shows the plan of a mapping, asks for confirmation, and executes the plan. Resolves to the exit status. */
export const recon = (mapping: string, options: ReconOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    const { dryRun = false, yes = false } = options
    if (!dryRun && !yes && io.stdin.isTTY !== true)
      throw new UsageError('no terminal to ask at: give --dry-run to see the plan, or --yes to execute it')
    const analysis = await analyze(api, mapping, options, io)
    if (analysis.state !== 'SUCCESS') {
      io.stderr.write(`${String(analysis.stageDescription)}\n`)
      return 1
    }
    if (!options.json) io.stdout.write(await planText(api, analysis, widthOf(io.stdout)))
    else if (dryRun) io.stdout.write(json({ ...analysis, plan: await api.read(`recon/plan/${String(analysis._id)}`) }))
    if (dryRun) return 0
    if (!yes && !(await confirmed(io))) return 1
    const { _id } = await api.action(`recon/${String(analysis._id)}`, 'execute', {}, settings(options))
    const run = await follow(api, String(_id), io.stderr)
    io.stdout.write(options.json ? json(run) : await runText(api, run, widthOf(io.stdout)))
    const { FAILURE = 0 } = (run.statusSummary ?? {}) as JsonObject
    return run.state === 'SUCCESS' && FAILURE === 0 ? 0 : 1
  })

async function analyze(
  api: GatewayApi,
  mapping: string,
  options: ReconOptions,
  { stderr }: CommandIo,
): Promise<JsonObject> {
  const { byId: id } = options
  const params = { mapping, analyze: 'true', persistAssociations: 'true', ...(id === undefined ? {} : { id }) }
  const { _id } = await api.action('recon', id === undefined ? 'recon' : 'reconById', params, settings(options))
  return follow(api, String(_id), stderr)
}

/** The same for the analysis and the execution: the plan has to show what the run will do. */
function settings({ maxDeletes, maxClears, acceptUnassessed, allowApproximate }: ReconOptions): JsonObject | null {
  const given = Object.entries({ maxDeletes, maxClears, acceptUnassessed, allowApproximate }).flatMap(
    ([name, value]) => (value === undefined ? [] : [[name, value] as const]),
  )
  return given.length > 0 ? Object.fromEntries(given) : null
}

/** A terminal that is closed without an answer means no. */
async function confirmed({ stdin, stderr }: CommandIo): Promise<boolean> {
  stderr.write('\nCarry this plan out? [y/N] ')
  const terminal = createInterface({ input: stdin })
  try {
    for await (const line of terminal) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    terminal.close()
  }
}

/** Lists the runs that the gateway keeps, or shows one of them. */
export const reconStatus = (options: ApiOptions & { readonly run?: string }, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    if (options.run !== undefined) {
      const run = await existingRun(api, options.run)
      io.stdout.write(options.json ? json(run) : await runText(api, run, widthOf(io.stdout)))
      return 0
    }
    const { reconciliations = [] } = (await api.read('recon')) ?? {}
    const runs = reconciliations as JsonObject[]
    io.stdout.write(options.json ? json(runs) : table(runs.map(runCells), { width: columnsOf(io.stdout) }))
    return 0
  })

export const reconCancel = (id: string, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    await existingRun(api, id)
    const answer = await api.action(`recon/${encodeURIComponent(id)}`, 'cancel', {}, null)
    io.stdout.write(options.json ? json(answer) : `${id} is being canceled\n`)
    return 0
  })

/** Lists the mappings in the order in which they are processed. */
export const reconMappings = (options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const mappings = await api.query('sync/mappings', { _queryFilter: 'true' })
    const lines = mappings.map(({ _id, source, target, error }) => {
      const line = `${String(_id)}: ${String(source)} → ${String(target)}\n`
      return error === undefined ? line : `${line}  fault: ${String(error)}\n`
    })
    io.stdout.write(options.json ? json(mappings) : lines.join(''))
    return 0
  })

async function existingRun(api: GatewayApi, id: string): Promise<JsonObject> {
  const run = await api.read(`recon/${encodeURIComponent(id)}`)
  if (!run) throw new Error(`there is no run ${JSON.stringify(id)}`)
  return run
}
