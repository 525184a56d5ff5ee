import type { JsonObject } from '../../contract.ts'
import { withoutUndefined } from '../../core/json.ts'
import { type CommandIo, UsageError } from '../command.ts'
import { confirmed } from '../confirm.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { widthOf } from '../output.ts'
import { json, printable } from '../text.ts'
import { followRun } from './follow-run.ts'
import { nextSteps, planText } from './plan-text.ts'
import { existingRun, report } from './runs.ts'

/** Settings of a run that replace those of the mapping. */
export interface RunSettings {
  readonly maxDeletes?: string
  readonly maxClears?: string
  readonly acceptUnassessed?: boolean
  readonly allowApproximate?: boolean
  readonly createUnknown?: boolean
}

/** A part of the sources. */
export interface PilotOptions {
  readonly limit?: number
  readonly sample?: number
  readonly filter?: string
}

export interface ReconOptions extends ApiOptions, RunSettings, PilotOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly byId?: string
  readonly changed?: boolean
}

/** Shows the plan of a mapping, asks for confirmation, and executes the plan. Resolves to the exit status. */
export const recon = (mapping: string, options: ReconOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    checkAnswers(options, io)
    return offer(api, await analyze(api, mapping, options, io), { options, content: settings(options) }, io)
  })

export interface UndoOptions extends ApiOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly deleteCreated?: number
}

/** Shows what undoing a run takes, asks for confirmation, and does it. Resolves to the exit status. */
export const reconUndo = (id: string, options: UndoOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    checkAnswers(options, io)
    const { mapping } = await existingRun(api, id)
    const { deleteCreated } = options
    const started = await api.action(pathOf(id), 'undo', {}, deleteCreated === undefined ? null : { deleteCreated })
    const plan = await followRun(api, started, `plan to undo a run of ${String(mapping)}`, options, io)
    return offer(api, plan, { options, content: {} }, io)
  })

function checkAnswers({ dryRun, yes }: { readonly dryRun?: boolean; readonly yes?: boolean }, io: CommandIo): void {
  if (!dryRun && !yes && io.stdin.isTTY !== true)
    throw new UsageError('no terminal to ask at: give --dry-run to see the plan, or --yes to execute it')
}

type Offered = ApiOptions & { readonly dryRun?: boolean; readonly yes?: boolean }

/** Shows the plan of an analysis; unless it is a dry run, asks, and executes it. */
async function offer(
  api: GatewayApi,
  analysis: JsonObject,
  { options, content }: Execution & { readonly options: Offered },
  io: CommandIo,
): Promise<number> {
  const { dryRun = false, yes = false } = options
  const mapping = String(analysis.mapping)
  if (analysis.state !== 'SUCCESS') {
    io.stderr.write(`${printable(String(analysis.stageDescription))}\n`)
    return 1
  }
  const id = String(analysis._id)
  const plan = (await api.read(`recon/plan/${id}`)) ?? {}
  if (!options.json) io.stdout.write(await planText(api, analysis, plan, widthOf(io.stdout)))
  else if (dryRun) io.stdout.write(json({ ...analysis, plan }))
  if (dryRun) {
    if (!options.json) io.stdout.write(nextSteps(id, plan, options, io))
    return 0
  }
  if (plan.state === 'WAITING') {
    io.stderr.write(`${mapping} has requireApproval: nothing is executed before the plan is approved\n`)
    if (!options.json) io.stdout.write(nextSteps(id, plan, options, io))
    return 1
  }
  if (!yes && !(await confirmed('Carry this plan out?', io))) return 1
  const run = await execute(api, id, mapping, { options, content }, io)
  return report(api, run, options, io)
}

export interface ExecuteOptions extends ApiOptions, RunSettings {
  readonly only?: readonly string[]
  readonly limit?: number
}

/** Executes a plan, or the rows of it that are selected. Resolves to the exit status. */
export const reconExecute = (id: string, options: ExecuteOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    const { only, limit } = options
    const planned = await existingRun(api, id)
    const selection = { ...(only !== undefined && { only: [...only] }), ...(limit !== undefined && { limit }) }
    const content = { ...settings(options), ...selection }
    const run = await execute(api, id, String(planned.mapping), { options, content }, io)
    const status = await report(api, run, options, io)
    if (run.state === 'SUCCESS' && !options.json) {
      const plan = (await api.read(`recon/plan/${encodeURIComponent(id)}`)) ?? {}
      io.stdout.write(nextSteps(id, plan, options, io))
    }
    return status
  })

/** Continues an interrupted run under the same id. Resolves to the exit status. */
export const reconResume = (id: string, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    const interrupted = await existingRun(api, id)
    const resumed = await api.action(pathOf(id), 'resume', {}, null)
    return report(
      api,
      await followRun(api, resumed, `of ${String(interrupted.mapping)}, resumed`, options, io),
      options,
      io,
    )
  })

const pathOf = (id: string): string => `recon/${encodeURIComponent(id)}`

interface Execution {
  readonly options: ApiOptions
  readonly content: JsonObject
}

async function execute(
  api: GatewayApi,
  id: string,
  mapping: string,
  { options, content }: Execution,
  io: CommandIo,
): Promise<JsonObject> {
  const body = Object.keys(content).length === 0 ? null : content
  const started = await api.action(pathOf(id), 'execute', {}, body)
  return followRun(api, started, `the plan of ${mapping} is executed`, options, io)
}

async function analyze(api: GatewayApi, mapping: string, options: ReconOptions, io: CommandIo): Promise<JsonObject> {
  const { byId: id, changed, limit, sample, filter } = options
  const selection = { ...(id === undefined ? {} : { id }), ...(changed && { changed: 'true' }) }
  const params = { mapping, analyze: 'true', persistAssociations: 'true', ...selection }
  const pilot = withoutUndefined({ limit, sample, filter })
  const content = { ...settings(options), ...pilot }
  const body = Object.keys(content).length === 0 ? null : content
  const started = await api.action('recon', id === undefined ? 'recon' : 'reconById', params, body)
  return followRun(api, started, `plan of ${mapping}`, options, io)
}

/** The same for analysis and execution: the plan must show what the run will do. */
const settings = (options: RunSettings): JsonObject => {
  const { maxDeletes, maxClears, acceptUnassessed, allowApproximate, createUnknown } = options
  return withoutUndefined({ maxDeletes, maxClears, acceptUnassessed, allowApproximate, createUnknown })
}
