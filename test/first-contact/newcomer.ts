import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'

const run = promisify(execFile)
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** What a shell command printed, both streams in one. */
export interface Printed {
  readonly code: number | null
  readonly output: string
}

/** A bare machine: a fresh clone, an empty npm cache, and of Node only what stands on the PATH without our own. */
export class Newcomer {
  readonly dir: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(dir: string, env: NodeJS.ProcessEnv) {
    this.dir = dir
    this.#env = env
  }

  static async arrive(): Promise<Newcomer> {
    const dir = join(await tempDir(), 'openidm-external-idm')
    await run('git', ['clone', '--quiet', '--no-hardlinks', REPOSITORY, dir])
    return new Newcomer(dir, { ...bareEnvironment(), npm_config_cache: await tempDir() })
  }

  /** Runs lines in a shell, as typed in the clone. */
  async type(lines: string, timeoutMs = 60_000): Promise<Printed> {
    const shell = spawn('bash', ['-c', lines], {
      cwd: this.dir,
      env: this.#env,
      timeout: timeoutMs,
    })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    const code = await new Promise<number | null>((done) => shell.on('close', done))
    return { code, output }
  }

  /** Runs lines that start a server, and waits until it says that it is `ready`. @returns what it has printed by then */
  async serve(lines: string, ready: RegExp, timeoutMs = 240_000): Promise<string> {
    const shell = spawn('bash', ['-c', lines], { cwd: this.dir, env: this.#env, detached: true })
    let output = ''
    let ended = false
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    shell.on('close', () => {
      ended = true
    })
    onCleanUp(async () => {
      if (shell.pid && !ended) process.kill(-shell.pid, 'SIGTERM')
      await until(() => ended, 'the end of the server')
    })
    await until(() => ended || ready.test(output), String(ready), { timeoutMs })
    if (ended) throw new Error(`it ended before it listened:\n${output}`)
    return output
  }
}

/** npm hands its own settings and its Node to what it runs: a newcomer's shell has neither. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE|INIT_CWD|MOCHA|DEBUG|CURL_)/i.test(name))
  const paths = (process.env.PATH ?? '').split(delimiter).filter((path) => !path.includes('node_modules'))
  const bare = paths.filter((path) => !path.includes('node-gyp-bin'))
  if (!bare.some((path) => existsSync(join(path, 'npm')))) throw new Error('npm is not on the PATH')
  return { ...Object.fromEntries(kept), PATH: bare.join(delimiter) }
}

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })
