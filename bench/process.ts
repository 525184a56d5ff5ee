import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processorMs } from './usage.ts'

const TASKSET = ['/usr/bin/taskset', '/bin/taskset'].find((path) => existsSync(path))
/** With two cores or more and taskset, the proxy has one core, load and backend the other. */
export const PINNED = TASKSET !== undefined

export interface Running {
  /** The line that it printed when it was ready. */
  readonly ready: Record<string, number>
  readonly child: ChildProcess
  stop(): Promise<void>
}

/** A command line that runs on this core, or on both. */
export const pinned = (command: readonly string[], core: 0 | 1 | '0,1'): string[] =>
  TASKSET === undefined ? [...command] : [TASKSET, '-c', String(core), ...command]

/** To be loaded before what is measured, see there. */
export const PROBE = fileURLToPath(new URL('probe.ts', import.meta.url))

/** Starts a script of this folder on one core, or on both, and waits for its line of JSON. */
export async function start(file: string, core: 0 | 1 | '0,1', env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const command = pinned([process.execPath, '--expose-gc', '--import', PROBE, script], core)
  const { line, ...running } = await spawnReady(command, env)
  return { ...running, ready: JSON.parse(line) }
}

/** Starts a process with a channel, and waits for its first line. */
export async function spawnReady([command = '', ...args]: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, {
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', process.env.VERBOSE ? 'inherit' : 'ignore', 'ipc'],
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code} before it was ready`)))
  })
  ended.catch(() => undefined)
  return { line: await Promise.race([ended, firstLine(child)]), child, stop: () => stop(child) }
}

export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve)
  })
}

export function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill(signal)
  })
}

/** Resident memory of a process in bytes; Linux only. */
export function residentBytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
}

/** Processor time so far of a process and its children, in milliseconds; Linux only. */
export function familyMs(pid: number | undefined): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return [pid, ...children].reduce<number>((sum, each) => sum + processorMs(each), 0)
}

/** Processor time so far of a process in milliseconds: by its probe to the microsecond, otherwise as Linux counts it. */
export async function cpuMs(child: ChildProcess): Promise<number> {
  return child.connected ? (await answerOf<number>(child, 'cpu')) / 1000 : familyMs(child.pid)
}

/** Sends a message to a process. @returns its answer; rejects when the process ends before */
export async function answerOf<T>(child: ChildProcess, message: Serializable): Promise<T> {
  const gone = new AbortController()
  const onExit = () => gone.abort()
  child.once('exit', onExit)
  try {
    const answer = once(child, 'message', { signal: gone.signal })
    child.send(message)
    return ((await answer) as [T])[0]
  } finally {
    child.off('exit', onExit)
  }
}
