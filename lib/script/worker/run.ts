import { exceeded, type Limits } from '../limits.ts'
import type { AnalyseJob, CompileJob, Job, Outcome, PreparedContext, Requirements, RunJob } from '../protocol.ts'
import type { Host } from './host.ts'
import { type Sandbox, VALID } from './sandbox.ts'

/** Max modules that are prepared for a script; others are loaded when they are required. */
const MAX_MODULES = 64

/** A thread with a grown engine is replaced, since the memory of WebAssembly never shrinks. */
const isWorn = (sandbox: Sandbox): boolean => sandbox.isBroken || sandbox.isGrown

/** Executes one job and posts `done`; then prepares a context for the next run, and posts `idle`. */
export function runJob(sandbox: Sandbox, host: Host, job: Job): void {
  if (job.kind === 'run') run(sandbox, host, job)
  else if (job.kind === 'compile') void compile(sandbox, host, job)
  else void analyse(host, job)
}

function run(sandbox: Sandbox, host: Host, job: RunJob): void {
  const context = job.context ?? prepare(sandbox, host, job, job.modules)
  const { outcomes, used } = runItems(sandbox, host, job, context)
  const modules = [...new Set([...(context?.modules ?? []), ...used])].slice(0, MAX_MODULES)
  const worn = isWorn(sandbox)
  const idle = worn || modules.length === (context?.modules.length ?? 0)
  host.post({ kind: 'done', outcomes, modules, idle, worn })
  if (idle) return
  prepare(sandbox, host, job, modules)
  host.post({ kind: 'idle', worn: isWorn(sandbox) })
}

/** Most scripts name nothing, and are not parsed. */
const NAMES = /\b(?:require|load|java|javax|org|com|net|edu|Packages)\b/

/** The parser is loaded in threads that need it. */
async function requirements(source: string): Promise<Requirements> {
  if (!NAMES.test(source)) return { modules: [], files: [], classes: [] }
  const { requirementsOf } = await import('./requirements.ts')
  return requirementsOf(source)
}

async function compile(sandbox: Sandbox, host: Host, { code, memoryBytes }: CompileJob): Promise<void> {
  sandbox.enter(undefined, memoryBytes)
  const checked = sandbox.check(code.source, code.name)
  const isWell = 'ends' in checked && checked.ends === VALID
  const outcomes = [isWell ? { ends: JSON.stringify([{ value: await requirements(code.source) }]) } : checked]
  host.post({ kind: 'done', outcomes, modules: [], idle: true, worn: isWorn(sandbox) })
}

async function analyse(host: Host, { code }: AnalyseJob): Promise<void> {
  const { mayShareContext } = await import('./sharing.ts')
  const outcomes = [{ ends: JSON.stringify([{ value: mayShareContext(code.source) }]) }]
  host.post({ kind: 'done', outcomes, modules: [], idle: true, worn: false })
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

/** Max items that are passed to the sandbox at a time, and max characters of more than one item. */
const MAX_GROUP = 50
const MAX_GROUP_LENGTH = 1_000_000
/** Max characters of outcomes before they are posted, so that they do not fill the memory of the thread. */
const MAX_BUFFERED = 4_000_000

function runItems(sandbox: Sandbox, host: Host, job: RunJob, context: PreparedContext | undefined): ItemsRun {
  const { code, limits } = job
  const used = new Set<string>()
  const enter = () => sandbox.enter(context, limits.memoryBytes)
  const noteUsed = () => {
    for (const name of sandbox.used()) used.add(name)
  }
  host.open(limits)
  enter()
  const isShared = job.isShared && sandbox.expression(code.source, code.name) !== undefined
  const runs = isShared ? runGroups(sandbox, host, job, enter) : runEach(sandbox, host, job, enter)
  let outcomes: Outcome[] = []
  let length = 0
  for (const outcome of runs) {
    outcomes.push(outcome)
    noteUsed()
    if (host.isStopped || sandbox.isBroken) break
    length += 'ends' in outcome ? outcome.ends.length : 0
    if (length < MAX_BUFFERED) continue
    host.post({ kind: 'outcomes', outcomes })
    outcomes = []
    length = 0
  }
  host.close()
  return { outcomes, used: [...used] }
}

/** Runs each item in its own context. */
function* runEach(sandbox: Sandbox, host: Host, { code, items, limits }: RunJob, enter: () => void) {
  for (const [index, item] of items.entries()) {
    host.begin(index)
    enter()
    const outcome = sandbox.run(code.source, code.name, item)
    yield faultOf(host) ?? checkedLength(outcome, limits)
  }
}

/** Runs an expression for many items in one context, with new variables each time. */
function* runGroups(
  sandbox: Sandbox,
  host: Host,
  { code, items, limits }: RunJob,
  enter: () => void,
): Generator<Outcome> {
  for (let next = 0; next < items.length; ) {
    enter()
    const run = sandbox.expression(code.source, code.name)
    for (let isWell = true; run && isWell && next < items.length; ) {
      host.restart()
      const isEnded = run(`[${groupAt(items, next).join()}]`)
      const fault = faultOf(host) ?? (isEnded ? undefined : sandbox.fault)
      isWell = fault === undefined
      if (!isWell) host.restart()
      const { ends, count } = sandbox.ended()
      if (count > 0) yield* checkedLengths({ ends }, limits)
      if (fault) yield fault
      next += isWell ? count : count + 1
    }
  }
}

function groupAt(items: readonly string[], start: number): readonly string[] {
  let end = start + 1
  let length = items[start]?.length ?? 0
  while (end < items.length && end - start < MAX_GROUP && length + (items[end]?.length ?? 0) <= MAX_GROUP_LENGTH) {
    length += items[end]?.length ?? 0
    end += 1
  }
  return items.slice(start, end)
}

/** An exceeded limit takes precedence over the result of the script. */
function faultOf(host: Host): Outcome | undefined {
  if (host.exceeded !== undefined) return { fault: { kind: 'limit', message: host.exceeded } }
  return host.isStopped ? { fault: { kind: 'stopped', message: 'it was stopped' } } : undefined
}

const checkedLength = (outcome: Outcome, limits: Limits): Outcome =>
  'ends' in outcome && outcome.ends.length > limits.transferLength
    ? { fault: { kind: 'limit', message: exceeded.result(limits) } }
    : outcome

/** Splits outcomes that are too long together, to find the one that is too long. */
function checkedLengths(outcome: { readonly ends: string }, limits: Limits): Outcome[] {
  if (outcome.ends.length <= limits.transferLength) return [outcome]
  const ends: unknown[] = JSON.parse(outcome.ends)
  return ends.map((end) => checkedLength({ ends: JSON.stringify([end]) }, limits))
}
