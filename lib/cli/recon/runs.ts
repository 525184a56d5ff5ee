/** Runs that the gateway keeps, and the mappings that can run. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { liveTiming } from '../../sync/mapping/liveness.ts'
import type { CommandIo } from '../command.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { columnsOf, widthOf } from '../output.ts'
import { json } from '../text.ts'
import { followRun } from './follow-run.ts'
import { reconCommand } from './next-command.ts'
import { runList, runText } from './run-text.ts'

/** Prints what a run did. @returns the exit status: 0 when everything was executed */
export async function report(api: GatewayApi, run: JsonObject, options: ApiOptions, io: CommandIo): Promise<number> {
  const { stdout } = io
  const text = async () => `${await runText(api, run, widthOf(stdout))}${resumeStep(run, options, io)}`
  stdout.write(options.json ? json(run) : await text())
  const statuses = isObject(run.statusSummary) ? run.statusSummary : {}
  const undone = ['FAILURE', 'SKIPPED', 'UNKNOWN'].some((status) => Number(statuses[status] ?? 0) > 0)
  return run.state === 'SUCCESS' && !undone ? 0 : 1
}

/** What to type next for an interrupted run. */
const resumeStep = ({ _id, resumable }: JsonObject, options: ApiOptions, io: CommandIo): string =>
  resumable === true ? `\nNext:\n  ${reconCommand(options, io, 'resume', String(_id))}\n` : ''

/** Lists the runs that the gateway keeps, or shows one of them. */
export const reconStatus = (options: ApiOptions & { readonly run?: string }, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    if (options.run !== undefined) {
      const run = await existingRun(api, options.run)
      await report(api, run, options, io)
      return 0
    }
    const { reconciliations } = (await api.read('recon')) ?? {}
    const runs = Array.isArray(reconciliations) ? reconciliations.filter((run) => isObject(run)) : []
    io.stdout.write(options.json ? json(runs) : `${runList(runs, columnsOf(io.stdout))}${await heldText(api)}`)
    return 0
  })

const HELD = 'held: its changes are not carried over; doctor --accept accepts it'

async function heldText(api: GatewayApi): Promise<string> {
  const held = await api.query('sync/mappings', { _queryFilter: 'implicitSync eq "held"' })
  return held.map(({ _id }) => `\n${String(_id)} is ${HELD}`).join('') + (held.length > 0 ? '\n' : '')
}

/** Follows a run to its end, and shows what it did. */
export const reconFollow = (id: string, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const run = await existingRun(api, id)
    return report(api, await followRun(api, run, `of ${String(run.mapping)}`, options, io), options, io)
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
    const lines = mappings.map((mapping) => {
      const { _id, source, target, error, implicitSync } = mapping
      const line = `${String(_id)}: ${String(source)} → ${String(target)}\n`
      const live = implicitSync === 'live' ? `  live: changes are carried over ${liveTiming(mapping)}\n` : ''
      const held = implicitSync === 'held' ? `  ${HELD}\n` : ''
      return `${line}${live}${held}${error === undefined ? '' : `  fault: ${String(error)}\n`}`
    })
    io.stdout.write(options.json ? json(mappings) : lines.join(''))
    return 0
  })

/** @throws Error when there is none with this id */
export async function existingRun(api: GatewayApi, id: string): Promise<JsonObject> {
  const run = await api.read(`recon/${encodeURIComponent(id)}`)
  if (!run) throw new Error(`there is no run ${JSON.stringify(id)}`)
  return run
}
