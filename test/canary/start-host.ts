import { join } from 'node:path'
import { tempDirWith } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'

/** The application of host.ts, talkative in every way, and all that its callers have seen. */
export interface TalkativeHost {
  readonly process: NodeProcess
  readonly confDir: string
  /** Calls a path below `/openidm/external/idm/`. */
  call(path: string, options?: CallOptions): Promise<CallResponse>
  /** Has the application print itself. */
  inspect(): Promise<void>
  /** Everything that left it: standard output, standard error, each answer with its headers. */
  readonly output: string
  /** Ends it in the orderly way. */
  stop(): Promise<void>
}

export async function startTalkativeHost(instances: Readonly<Record<string, unknown>>): Promise<TalkativeHost> {
  const { ca } = await testPki()
  const files = Object.entries(instances).map(([name, content]) => [`conf/external.idm-${name}.json`, content])
  const dir = await tempDirWith({ 'security/truststore.pem': ca, 'conf/other.json': {}, ...Object.fromEntries(files) })
  const confDir = join(dir, 'conf')
  const child = spawnNode([join(import.meta.dirname, 'host.ts'), confDir], { env: { DEBUG: '*' } })
  const { port } = JSON.parse(await child.line(/^\{"port"/)) as { port: number }
  const answers: string[] = []
  const call = async (path: string, options: CallOptions = {}): Promise<CallResponse> => {
    const answer = await request(`http://127.0.0.1:${port}${path}`, options)
    answers.push(`${answer.status} ${answer.rawHeaders.join(' ')}\n${answer.text}`)
    return answer
  }
  return {
    process: child,
    confDir,
    call: (path, options) => call(`/openidm/external/idm/${path}`, options),
    inspect: async () => void (await call('/inspect')),
    get output() {
      return `${child.output}\n${answers.join('\n')}`
    },
    stop: async () => void (await child.kill('SIGTERM')),
  }
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
