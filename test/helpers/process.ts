import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { onCleanUp } from './clean-up.ts'
import { until } from './until.ts'

export interface SpawnOptions {
  readonly cwd?: string
  /** On top of this process's environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Another Node than the one that runs the tests. */
  readonly node?: string
}

export interface Exit {
  /** The exit code; null when a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Starts Node with these arguments; it is killed with its owner (see clean-up.ts). */
export function spawnNode(args: readonly string[], options: SpawnOptions = {}): NodeProcess {
  const { cwd, env = {}, node = process.execPath } = options
  const child = spawn(node, args, { cwd, env: { ...process.env, ...env } })
  const started = new NodeProcess(child)
  onCleanUp(() => started.kill('SIGKILL'))
  return started
}

/** A process of its own, with all it has printed so far. */
export class NodeProcess {
  /** Resolves when the process ended and its output was read. */
  readonly exited: Promise<Exit>
  readonly child: ChildProcessWithoutNullStreams
  stdout = ''
  stderr = ''
  #exit: Exit | undefined

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // A process that left earlier than its input is judged by its exit code.
    child.stdin.on('error', () => undefined)
    child.on('error', (error) => {
      this.stderr += String(error)
    })
    this.exited = new Promise((done) => {
      child.on('close', (code, signal) => {
        this.#exit = { code, signal }
        done(this.#exit)
      })
    })
  }

  get output(): string {
    return this.stdout + this.stderr
  }

  /**
   * Waits for a whole line, on stdout or stderr, that holds `text` or matches it, and returns that line.
   * @throws Error with all output when the process ends without it, or the time is up
   */
  async line(text: string | RegExp, timeoutMs = 60_000): Promise<string> {
    const matches = (line: string) => (typeof text === 'string' ? line.includes(text) : text.test(line))
    const find = () => [...wholeLines(this.stdout), ...wholeLines(this.stderr)].find(matches)
    const seen = await until(() => find() ?? this.#exit, `a line with ${text}`, { timeoutMs }).catch(() => this.#exit)
    if (typeof seen === 'string') return seen
    const why = seen ? `the process ended (code ${seen.code}, signal ${seen.signal})` : `${timeoutMs} ms passed`
    throw new Error(`${why} without a line with ${text}; its output:\n${this.output}`)
  }

  /** Sends a signal, SIGTERM unless given, to a process that still runs, and waits for its end. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (!this.#exit) this.child.kill(signal)
    return this.exited
  }

  /** Writes to standard input and closes it. */
  input(text: string): void {
    this.child.stdin.end(text)
  }
}

/** The last piece may still grow, unless a line end stands behind it. */
const wholeLines = (text: string): string[] => text.split(/\r?\n/).slice(0, -1)
