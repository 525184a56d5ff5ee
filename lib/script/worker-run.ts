import type { CompileJob, Job, Outcome, PreparedContext, RunJob } from './protocol.ts'
import type { Sandbox } from './sandbox.ts'
import type { Host } from './worker-host.ts'

/** So many are prepared for a script; more are loaded when they are asked for. */
const MOST_MODULES = 64

/** A thread whose engine has grown is replaced: WebAssembly's memory never shrinks. */
const isWorn = (sandbox: Sandbox): boolean => sandbox.isBroken || sandbox.isGrown

/** Does one job and says `done`; prepares what the script will want next time, and says `idle`. */
export function runJob(sandbox: Sandbox, host: Host, job: Job): void {
  if (job.kind === 'compile') compile(sandbox, host, job)
  else run(sandbox, host, job)
}

function run(sandbox: Sandbox, host: Host, job: RunJob): void {
  const context = job.context ?? prepare(sandbox, host, job, job.modules)
  const { outcomes, used } = runItems(sandbox, host, job, context)
  const modules = [...new Set([...(context?.modules ?? []), ...used])].slice(0, MOST_MODULES)
  const worn = isWorn(sandbox)
  const idle = worn || modules.length === (context?.modules.length ?? 0)
  host.post({ kind: 'done', outcomes, modules, idle, worn })
  if (idle) return
  prepare(sandbox, host, job, modules)
  host.post({ kind: 'idle', worn: isWorn(sandbox) })
}

function compile(sandbox: Sandbox, host: Host, { code, memoryBytes }: CompileJob): void {
  sandbox.enter(undefined, memoryBytes)
  const outcomes = [sandbox.check(code.source, code.name)]
  host.post({ kind: 'done', outcomes, modules: [], idle: true, worn: isWorn(sandbox) })
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

/** So many objects share the computing time of one run. */
const GROUP = 50

function runItems(sandbox: Sandbox, host: Host, job: RunJob, context: PreparedContext | undefined): ItemsRun {
  const { code, limits, items } = job
  const used = new Set<string>()
  const enter = () => sandbox.enter(context, limits.memoryBytes)
  const noteUsed = () => {
    for (const name of sandbox.used()) used.add(name)
  }
  host.open(limits)
  enter()
  const expression = items.length > 1 && sandbox.expression(code.source, code.name) !== undefined
  const runs = expression ? runGroups(sandbox, host, job, enter) : runEach(sandbox, host, job, enter)
  const outcomes: Outcome[] = []
  for (const outcome of runs) {
    outcomes.push(outcome)
    noteUsed()
    if (host.isStopped || sandbox.isBroken) break
  }
  host.close()
  return { outcomes, used: [...used] }
}

/** Each run in a context of its own. */
function* runEach(sandbox: Sandbox, host: Host, { code, items, limits }: RunJob, enter: () => void) {
  for (const item of items) {
    host.restart()
    enter()
    yield judged(sandbox.run(code.source, code.name, item), host, limits.transferLength)
  }
}

/** A mere expression many times in one context, with its variables set anew. */
function* runGroups(sandbox: Sandbox, host: Host, { code, items, limits }: RunJob, enter: () => void) {
  for (let next = 0; next < items.length; ) {
    enter()
    const run = sandbox.expression(code.source, code.name)
    for (let isWell = true; run && isWell && next < items.length; ) {
      host.restart()
      const group = items.slice(next, next + GROUP)
      const outcome = judged(run(`[${group.join()}]`), host, limits.transferLength)
      isWell = 'ends' in outcome
      if (isWell) next += group.length
      else {
        host.restart()
        const { ends, count } = sandbox.ended()
        yield { ends }
        next += count + 1
      }
      yield outcome
    }
  }
}

/** A limit that struck is what ended it, whatever the script made of it. */
function judged(outcome: Outcome, host: Host, transferLength: number): Outcome {
  if (host.exceeded !== undefined) return { fault: { kind: 'limit', message: host.exceeded } }
  if (host.isStopped) return { fault: { kind: 'stopped', message: 'it was stopped' } }
  if ('ends' in outcome && outcome.ends.length > transferLength)
    return { fault: { kind: 'limit', message: `its result is longer than ${transferLength} characters` } }
  return outcome
}
