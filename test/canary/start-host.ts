import { join } from 'node:path'
import { tempDirWith } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'

/** An application with the remote proxy in it, talkative in every way, and all that its callers have seen. */
export class TalkativeHost {
  readonly process: NodeProcess
  /** The directory with `conf/` and `security/`. */
  readonly directory: string
  readonly port: number
  readonly #answers: string[] = []

  constructor(process: NodeProcess, directory: string, port: number) {
    this.process = process
    this.directory = directory
    this.port = port
  }

  /** Calls a path below `/openidm/`. */
  async call(path: string, options: CallOptions = {}): Promise<CallResponse> {
    const answer = await request(`http://127.0.0.1:${this.port}/openidm/${path}`, options)
    this.#answers.push(`${answer.status} ${answer.rawHeaders.join(' ')}\n${answer.text}`)
    return answer
  }

  /** What a command said of it. */
  heard(text: string): void {
    this.#answers.push(text)
  }

  /** Everything that left it: standard output, standard error, each answer with its headers. */
  get output(): string {
    return `${this.process.output}\n${this.#answers.join('\n')}`
  }

  confFile(instance: string): string {
    return join(this.directory, 'conf', `external.idm-${instance}.json`)
  }
}

/** By name, and by path. */
type Instances = Readonly<Record<string, unknown>>
type Files = Readonly<Record<string, unknown>>

/** A plain application: see application.ts. */
export async function startApplication(instances: Instances, files: Files = {}): Promise<TalkativeHost> {
  const directory = await directoryWith(instances, files)
  const script = join(import.meta.dirname, 'application.ts')
  const child = spawnNode([script, join(directory, 'conf')], { env: { DEBUG: '*' } })
  const { port } = JSON.parse(await child.line(/^\{"port"/)) as { port: number }
  return new TalkativeHost(child, directory, port)
}

/** The reference gateway, as one starts it from the command line. */
export async function startGateway(
  instances: Instances,
  administratorPassword: string,
  files: Files = {},
): Promise<TalkativeHost> {
  const directory = await directoryWith(instances, files)
  const command = join(import.meta.dirname, '../../lib/bin.js')
  const child = spawnNode([command, 'start', '--project', directory, '--port', '0'], {
    env: { DEBUG: '*', LOG_LEVEL: 'trace', OPENIDM_ADMIN_PASSWORD: administratorPassword },
  })
  const line = await child.line(/^Listening on http:/)
  return new TalkativeHost(child, directory, Number(/:(\d+)\//.exec(line)?.[1]))
}

async function directoryWith(instances: Instances, more: Files): Promise<string> {
  const { ca } = await testPki()
  const files = Object.entries(instances).map(([name, content]) => [`conf/external.idm-${name}.json`, content])
  return tempDirWith({ 'security/truststore.pem': ca, 'conf/other.json': {}, ...Object.fromEntries(files), ...more })
}

/** Every way in which a secret may be written: as it is, in JSON, in a form, in an Authorization header. */
export function writings(secret: string, ...ids: string[]): string[] {
  const encoded = [encodeURIComponent(secret), new URLSearchParams({ x: secret }).toString().slice(2)]
  const pairs = ids.flatMap((id) => [`${id}:${secret}`, ...encoded.map((text) => `${encodeURIComponent(id)}:${text}`)])
  const base64 = [secret, ...pairs].flatMap((text) => [
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('base64url'),
  ])
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), ...encoded, ...base64])]
}
