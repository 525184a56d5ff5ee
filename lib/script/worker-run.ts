import type { CompileJob, Fault, Job, Outcome, PreparedContext, RunJob } from './protocol.ts'
import type { Sandbox } from './sandbox.ts'
import type { Host } from './worker-host.ts'

/** Does one job and says `done`; then prepares what the script will want next time. */
export function runJob(sandbox: Sandbox, host: Host, job: Job): void {
  if (job.kind === 'compile') compile(sandbox, host, job)
  else run(sandbox, host, job)
}

function run(sandbox: Sandbox, host: Host, job: RunJob): void {
  const context = job.context ?? prepare(sandbox, host, job, job.modules)
  const { outcomes, used } = runItems(sandbox, host, job, context)
  const modules = [...new Set([...(context?.modules ?? []), ...used])]
  host.post({ kind: 'done', outcomes, modules })
  if (!sandbox.isBroken && modules.length > (context?.modules.length ?? 0)) prepare(sandbox, host, job, modules)
}

function compile(sandbox: Sandbox, host: Host, { code, memoryBytes }: CompileJob): void {
  sandbox.enter(undefined, memoryBytes)
  const fault = sandbox.check(code.source, code.name)
  host.post({ kind: 'done', outcomes: [fault ? { fault } : { text: 'true' }], modules: [] })
}

function prepare(sandbox: Sandbox, host: Host, job: RunJob, modules: readonly string[]): PreparedContext | undefined {
  if (modules.length === 0) return undefined
  const prepared = sandbox.prepare(modules, job.limits.memoryBytes)
  if (!prepared) return undefined
  const context = { ...prepared, key: host.keyOf(modules), modules }
  host.post({ kind: 'prepared', context })
  return context
}

interface ItemsRun {
  readonly outcomes: readonly Outcome[]
  readonly used: readonly string[]
}

function runItems(sandbox: Sandbox, host: Host, job: RunJob, context: PreparedContext | undefined): ItemsRun {
  const { limits, items } = job
  const outcomes: Outcome[] = []
  const used = new Set<string>()
  const runItem = runner(sandbox, job, context)
  host.open(limits)
  for (const item of items) {
    host.restart()
    const outcome = judged(runItem(item), host, limits.transferLength)
    outcomes.push(outcome)
    if (items.length === 1 || 'fault' in outcome) for (const name of sandbox.used()) used.add(name)
    if (host.isStopped || sandbox.isBroken) break
  }
  host.close()
  return { outcomes, used: [...used] }
}

/** Each run in a context of its own; a mere expression many times in one, with its variables set anew. */
function runner(sandbox: Sandbox, { code, items, limits }: RunJob, context: PreparedContext | undefined) {
  const enter = () => sandbox.enter(context, limits.memoryBytes)
  const once = (item: string): Outcome => {
    enter()
    return sandbox.run(code.source, code.name, item)
  }
  if (items.length === 1) return once
  enter()
  const express = () => sandbox.expression(code.source, code.name)
  let expression = express()
  if (!expression) return once
  return (item: string): Outcome => {
    const outcome = expression ? expression(item) : once(item)
    if ('text' in outcome) return outcome
    enter()
    expression = express()
    return outcome
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  'InternalError: out of memory': 'it used more memory than it may',
  'InternalError: string too long': 'it made a text that is too long',
  'InternalError: stack overflow': 'its calls are nested too deep',
}

function judged(outcome: Outcome, host: Host, transferLength: number): Outcome {
  if ('text' in outcome && outcome.text.length > transferLength)
    return { fault: { kind: 'limit', message: `its result is longer than ${transferLength} characters` } }
  const fault: Partial<Fault> = 'fault' in outcome ? outcome.fault : {}
  const sentence = host.exceeded ?? SENTENCES[fault.message ?? '']
  if (sentence !== undefined) return { fault: { ...fault, kind: 'limit', message: sentence } }
  if (host.isStopped) return { fault: { kind: 'stopped', message: 'it was stopped' } }
  return outcome
}
