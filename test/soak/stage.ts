import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Behaviour, byPath, echo, guarded, reply, stream } from '../helpers/behaviours.ts'
import {
  cutShort,
  garbage,
  rawAnswer,
  resetAfterHeaders,
  resetBeforeHeaders,
  resetMidBody,
  silence,
} from '../helpers/faults.ts'
import { tempDir, writeAtomically } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer, type TokenServer } from '../helpers/token-server.ts'
import { basic, fileName } from '../security/app.ts'

/** How the ill remote answers, one after the other. */
export const ILLNESSES: readonly (() => Behaviour)[] = [
  silence,
  resetBeforeHeaders,
  resetAfterHeaders,
  () => resetMidBody(),
  () => cutShort(),
  garbage,
  () => rawAnswer(`HTTP/1.1 200 OK\r\n${'x-filler: 0123456789\r\n'.repeat(5000)}\r\n`),
  () => reply({ status: 503, headers: { 'retry-after': '3' }, body: {} }),
  echo,
]

/** Everything that takes part but the gateway. */
export class Stage {
  readonly project: string
  /** Well, by https. */
  readonly well: Remote
  /** Well, and wants a token. */
  readonly guarded: Remote
  readonly ill: Remote
  readonly tokens: TokenServer

  private constructor(project: string, well: Remote, behindTokens: Remote, ill: Remote, tokens: TokenServer) {
    this.project = project
    this.well = well
    this.guarded = behindTokens
    this.ill = ill
    this.tokens = tokens
  }

  static async create(): Promise<Stage> {
    const pki = await testPki()
    const tls = await pki.server('127.0.0.1')
    const large = stream({ bytes: 512 * 1024 })
    const well = await startRemote({ tls, behaviour: byPath({ 'GET /openidm/large': large }, echo()) })
    const tokens = await startTokenServer({ hostName: '127.0.0.1', lifetime: 20 })
    const behindTokens = await startRemote({ tls, behaviour: guarded(tokens.accepts, echo()) })
    const project = await tempDir()
    for (const name of ['conf', 'security']) await mkdir(join(project, name))
    await writeAtomically(join(project, 'security', 'truststore.pem'), pki.ca)
    const stage = new Stage(project, well, behindTokens, await startRemote(), tokens)
    await stage.configure('well', basic(well))
    await stage.configure('guarded', stage.bearer())
    await stage.configure('ill', basic(stage.ill, { socketTimeout: '300 ms' }))
    await stage.configure('dead', basic({ url: 'http://127.0.0.1:9/openidm/' }, { connectionTimeout: '300 ms' }))
    return stage
  }

  bearer(more: object = {}): object {
    return {
      authType: 'bearer',
      instanceUrl: this.guarded.url,
      tokenEndpoint: this.tokens.tokenEndpoint,
      tokenEndpointAuthMethod: 'client_secret_post',
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      scope: ['fr:idm:*'],
      ...more,
    }
  }

  async configure(name: string, content?: object): Promise<void> {
    const file = join(this.project, 'conf', fileName(name))
    if (content) await writeAtomically(file, content)
    else await rm(file, { force: true })
  }

  /** Remotes record what they receive; here that would be what grows. */
  forget(): void {
    for (const remote of [this.well, this.guarded, this.ill, this.tokens.remote]) {
      remote.requests.length = 0
      remote.refusals.length = 0
    }
  }

  async close(): Promise<void> {
    for (const remote of [this.well, this.guarded, this.ill, this.tokens.remote])
      await remote.close().catch(() => undefined)
    await rm(this.project, { recursive: true, force: true })
  }
}
