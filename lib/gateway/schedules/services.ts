/** The services that schedules invoke: `sync` and `script`. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { RunOptions } from '../../sync/context/run-options.ts'
import type { ReconService } from '../../sync/runs/recon-service.ts'
import type { Run } from '../../sync/runs/run.ts'
import { asksChanged, type Schedule } from './schedule.ts'

export interface Services {
  readonly recon: ReconService
  readonly scripts: ScriptService | undefined
}

interface Invocation {
  /** Of the schedule. */
  readonly name: string
  /** Whether it comes after a run of its mapping that is active. */
  readonly waits: boolean
}

/**
 * Resolves when the service has ended, to details for the log; `note` is for its message.
 * @throws Error when it failed
 */
export function invoke(
  services: Services,
  { invokeService, invokeContext }: Schedule,
  { name, waits }: Invocation,
): Promise<JsonObject> {
  if (invokeService === 'sync') return reconcile(services, invokeContext, { name, waits })
  return runScript(services, name, invokeContext)
}

const RECON = { action: 'recon', ids: [], isAnalysis: false, persists: false } as const

async function reconcile({ recon }: Services, context: JsonObject, { name, waits }: Invocation): Promise<JsonObject> {
  const mapping = String(context.mapping)
  const changed = asksChanged(context)
  // Its time comes again soon, and the run that is active may be the sweep.
  if (changed && recon.isRunning(mapping))
    return { mapping, note: `skipped, since a reconciliation of ${mapping} runs` }
  const startedBy = { name: `schedule ${name}`, account: null }
  const options = { ...RECON, overrides: {}, startedBy, changed }
  const run = await (waits ? startAfter(recon, mapping, options) : recon.start(mapping, options))
  await run.ended
  if (run.state !== 'SUCCESS') throw new Error(`reconciliation ${run.id} of ${mapping} ended with ${run.state}`)
  const details = { mapping, reconId: run.id, state: run.state, statusSummary: run.toJSON().statusSummary ?? null }
  const { state } = run.isAnalysis ? await recon.plans.shown(await recon.stored(run.id)) : {}
  return state === 'WAITING' ? { ...details, note: `the plan ${run.id} of ${mapping} waits for approval` } : details
}

/** Starts a run when no other run of the mapping is active. */
async function startAfter(recon: ReconService, mapping: string, options: RunOptions): Promise<Run> {
  for (;;) {
    await recon.idle(mapping)
    try {
      return await recon.start(mapping, options)
    } catch (error) {
      if (!recon.isRunning(mapping)) throw error
    }
  }
}

async function runScript({ scripts }: Services, name: string, { script, input }: JsonObject): Promise<JsonObject> {
  if (!scripts) throw new Error('this gateway runs no scripts')
  const compiled = await scripts.compile(isObject(script) ? script : null, name)
  await scripts.run(compiled, { object: input ?? null, input: input ?? null })
  return { service: 'script' }
}
