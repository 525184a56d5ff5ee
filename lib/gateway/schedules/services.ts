/** The services that schedules invoke: `sync` and `script`. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { ReconService } from '../../sync/runs/recon-service.ts'
import type { Schedule } from './schedule.ts'

export interface Services {
  readonly recon: ReconService
  readonly scripts: ScriptService | undefined
}

/**
 * Resolves when the service has ended, to details for the log; `note` is for its message.
 * @throws Error when it failed
 */
export function invoke(
  services: Services,
  { invokeService, invokeContext }: Schedule,
  name: string,
): Promise<JsonObject> {
  if (invokeService === 'sync') return reconcile(services, name, String(invokeContext.mapping))
  return runScript(services, name, invokeContext)
}

const RECON = { action: 'recon', ids: [], isAnalysis: false, persists: false } as const

async function reconcile({ recon }: Services, name: string, mapping: string): Promise<JsonObject> {
  const startedBy = { name: `schedule ${name}`, account: null }
  const run = await recon.start(mapping, { ...RECON, overrides: {}, startedBy })
  await run.ended
  if (run.state !== 'SUCCESS') throw new Error(`reconciliation ${run.id} of ${mapping} ended with ${run.state}`)
  const details = { mapping, reconId: run.id, state: run.state, statusSummary: run.toJSON().statusSummary ?? null }
  const { state } = run.isAnalysis ? await recon.plans.shown(await recon.stored(run.id)) : {}
  return state === 'WAITING' ? { ...details, note: `the plan ${run.id} of ${mapping} waits for approval` } : details
}

async function runScript({ scripts }: Services, name: string, { script, input }: JsonObject): Promise<JsonObject> {
  if (!scripts) throw new Error('this gateway runs no scripts')
  const compiled = await scripts.compile(isObject(script) ? script : null, name)
  await scripts.run(compiled, { object: input ?? null, input: input ?? null })
  return { service: 'script' }
}
