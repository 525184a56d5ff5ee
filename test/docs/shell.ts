/** Shell blocks of the documentation, run as they stand but for ports and the way to the command. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from '../helpers/files.ts'
import { spawnNode } from '../helpers/process.ts'

export const BIN = join(import.meta.dirname, '../../lib/bin.js')
/** What `npm start` starts. */
export const DEMO = join(import.meta.dirname, '../../examples/demo/main.js')
const exec = promisify(execFile)

/** Whether a program is on the PATH. */
export const has = (program: string): Promise<boolean> =>
  exec('bash', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  )

export interface Demo {
  readonly dir: string
  readonly http: string
  readonly https: string
}

/** What `npm start` starts, on free ports, in an empty directory. */
export async function startDemo(): Promise<Demo> {
  const dir = await tempDir()
  const env = { PORT: '0', HTTPS_PORT: '0', LOG_LEVEL: 'error', OPENIDM_ADMIN_PASSWORD: undefined }
  const started = spawnNode([DEMO], { cwd: dir, env })
  await started.line('Ctrl-C ends the demo')
  const originOf = async (scheme: string) => {
    const { port } = new URL((await started.line(`Listening on ${scheme}:`)).replace('Listening on ', ''))
    return `${scheme}://localhost:${port}`
  }
  return { dir, http: await originOf('http'), https: await originOf('https') }
}

export interface RunBesideOptions {
  /** A command that fails does not end it, and an answer of 4xx or 5xx is an output like any other. */
  readonly mayFail?: boolean
}

/**
 * Runs `commands` beside a demo.
 * @returns what they printed on standard output
 * @throws Error with all output when one of them fails
 */
export async function runBeside(
  { dir, http, https }: Demo,
  commands: string,
  { mayFail = false }: RunBesideOptions = {},
): Promise<string> {
  const script = commands
    .replaceAll('https://localhost:8443', https)
    .replaceAll('http://localhost:8080', http)
    .replaceAll('npm run --silent cli --', `"${process.execPath}" "${BIN}"`)
    .replaceAll(/\bcurl (?!_)/g, `curl --silent --show-error ${mayFail ? '-w "\\n"' : '--fail-with-body'} `)
  const env = { ...process.env, CURL_CA_BUNDLE: join(dir, 'demo/security/demo-ca.pem') }
  const { stdout } = await exec('bash', [...(mayFail ? [] : ['-e']), '-c', mayFail ? `${script}\ntrue` : script], {
    cwd: dir,
    env,
  }).catch((error) => {
    throw new Error(`${script}\n${error.stdout}\n${error.stderr}`)
  })
  return stdout
}
