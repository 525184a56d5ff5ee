import { createServer } from 'node:http'
import supertest from 'supertest'
import { ConfigDirectory, type ConfigDirectoryOptions } from '../../lib/config/files/directory.ts'
import { configResource } from '../../lib/config/rest/resource.ts'
import type { ConfigurationConsumer, ConfigurationObject, JsonObject } from '../../lib/contract.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'

/** A consumer that keeps every set it was given. */
export class Recorder implements ConfigurationConsumer {
  readonly factoryPid: string
  readonly sets: (readonly ConfigurationObject[])[] = []
  /** Runs inside `apply`. */
  onApply: (objects: readonly ConfigurationObject[]) => void | Promise<void> = () => undefined
  faultsOf: (content: JsonObject) => string[] = () => []

  constructor(factoryPid = 'external.idm') {
    this.factoryPid = factoryPid
  }

  validate(_id: string, content: JsonObject): string[] {
    return this.faultsOf(content)
  }

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    await this.onApply(objects)
    this.sets.push(objects)
  }

  get latest(): readonly ConfigurationObject[] {
    return this.sets.at(-1) ?? []
  }

  get ids(): string[] {
    return this.latest.map(({ id }) => id)
  }

  object(id: string): ConfigurationObject | undefined {
    return this.latest.find((object) => object.id === id)
  }
}

export interface Started {
  readonly directory: ConfigDirectory
  readonly consumer: Recorder
  readonly log: MemoryLog
}

/** A directory in service with one consumer of `external.idm`; closed with the test. */
export async function startDirectory(dir: string, options: Partial<ConfigDirectoryOptions> = {}): Promise<Started> {
  const log = memoryLog()
  const directory = new ConfigDirectory({ dir, log, ...options })
  onCleanUp(() => directory.close())
  const consumer = new Recorder()
  await directory.start()
  await directory.subscribe(consumer)
  return { directory, consumer, log }
}

export interface Served extends Started {
  readonly dir: string
  readonly router: ResourceRouter
  /** A client of `/openidm` of a real server. */
  readonly http: ReturnType<typeof supertest>
}

/** `dir` served as `/openidm/config` by a real server; `password` and `clientSecret` of external.idm are secret. */
export async function serveDirectory(dir: string, options: Partial<ConfigDirectoryOptions> = {}): Promise<Served> {
  const started = await startDirectory(dir, options)
  const router = new ResourceRouter()
  const secretFields = (pid: string) =>
    pid === 'external.idm' ? ['password', 'clientSecret', 'http/proxy/password'] : []
  router.add('config', configResource(started.directory, { secretFields, log: started.log }))
  const handler = crestHttp({ router, contextOf: () => ({}), log: started.log })
  const server = createServer((request, response) => {
    const mounted = Object.assign(request, { originalUrl: request.url, url: request.url?.replace(/^\/openidm/, '') })
    handler(mounted, response, () => response.writeHead(404).end())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onCleanUp(() => new Promise((done) => server.close(done)))
  return { ...started, dir, router, http: supertest(server) }
}
