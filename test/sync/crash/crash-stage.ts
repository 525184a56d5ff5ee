import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { CUT, type FakeIdm, type FakeIdmOptions, fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { FakeRequest } from '../../helpers/fake-idm/request.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type NodeProcess, spawnNode } from '../../helpers/process.ts'
import { until } from '../../helpers/until.ts'
import { keysOf, silent } from '../../repo/repositories.ts'
import { instanceOf } from '../gateways.ts'

const PROCESS = fileURLToPath(new URL('crash-process.ts', import.meta.url))
const USERS = 'managed/user'
const KEY = generateKey('test')

export const TASK_THREADS = 5

/** What is killed. */
export type Victim = 'SIGKILL' | 'SIGTERM' | 'target'

export interface CrashKind {
  readonly correlates: boolean
  readonly two?: FakeIdmOptions
  /** The mapping sets the `_id`. */
  readonly mapsIds?: boolean
  /** The target gives each object an id of its own, whatever it is sent. */
  readonly namesItself?: boolean
  /** More of the mapping. */
  readonly mapping?: JsonObject
}

export interface Outcome {
  /** Sources of which a run says so. */
  readonly unknown: number
  /** Names of targets that are there more than once. */
  readonly doubles: number
  readonly missing: number
  /** Sources that are linked. */
  readonly linked: number
}

/** One project, between a source with `count` objects and an empty target. */
export class CrashStage {
  readonly one: FakeIdm
  readonly two: FakeIdm
  readonly dir: string
  readonly #count: number
  #isDown = false

  private constructor(one: FakeIdm, two: FakeIdm, dir: string, count: number) {
    this.one = one
    this.two = two
    this.dir = dir
    this.#count = count
    // While the target is down: what it has taken may be done, and nothing is answered.
    two.intercept(
      () => true,
      async (_request, next) => {
        if (this.#isDown) return CUT
        const answer = await next()
        await new Promise((done) => setTimeout(done, Math.random() * 3))
        return this.#isDown ? CUT : answer
      },
    )
  }

  static async start(kind: CrashKind, count: number): Promise<CrashStage> {
    const { correlates, two: switches = {}, mapsIds = false, namesItself = false, mapping: more = {} } = kind
    const [one, two] = [await fakeIdm(), await fakeIdm(switches)]
    if (namesItself) two.intercept(`PUT ${USERS}/*`, (request, next) => next(namelessly(request)))
    one.seed(
      USERS,
      Array.from({ length: count }, (_, index) => ({ _id: `u${index}`, userName: `user.${index}`, sn: 'x' })),
    )
    const fields = ['userName', 'sn', ...(mapsIds ? ['_id'] : [])]
    const mapping: JsonObject = {
      name: 'm',
      source: `external/idm/one/${USERS}`,
      target: `external/idm/two/${USERS}`,
      taskThreads: TASK_THREADS,
      properties: fields.map((name) => ({ source: name, target: name })),
      ...(correlates && { correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } } }),
      ...more,
    }
    const dir = await tempDirWith({
      'conf/external.idm-one.json': instanceOf(one),
      'conf/external.idm-two.json': instanceOf(two),
      'conf/sync.json': { mappings: [mapping] },
    })
    return new CrashStage(one, two, dir, count)
  }

  /**
   * Starts or continues a run, and kills the victim when the target has been sent that many creations.
   * @returns the run, if it has ended; undefined = its process was killed
   */
  async crash(how: 'resume' | 'recon', victim: Victim, writes: number): Promise<JsonObject | undefined> {
    const before = this.two.writes.length
    const started = this.#spawn(how)
    const isReached = () => this.two.writes.length >= before + writes || started.stdout.includes('RUN ')
    await until(() => isReached() || hasExited(started), `${writes} writes`)
    await new Promise((done) => setTimeout(done, Math.random() * 4))
    if (victim !== 'target') {
      await started.kill(victim)
      return ended(started)
    }
    this.#isDown = true
    this.two.remote.server.closeAllConnections()
    await started.exited
    this.#isDown = false
    return ended(started)
  }

  /**
   * Starts or continues a run, and kills its process at one of its writes: before its answer.
   * @param isDone whether the target has carried that write out; it carries out none that comes later
   */
  async killAt(how: 'resume' | 'recon', write: number, isDone = true): Promise<void> {
    const reached = Promise.withResolvers<void>()
    let count = 0
    const interception = this.two.intercept(
      ({ isWrite }) => isWrite,
      async (_request, next) => {
        count += 1
        if (count < write) return next()
        if (count === write && isDone) await next()
        reached.resolve()
        await started.exited
        return CUT
      },
    )
    const started = this.#spawn(how)
    await Promise.race([reached.promise, started.exited])
    assert.ok(!hasExited(started), started.output)
    await started.kill('SIGKILL')
    interception.remove()
  }

  /** Starts or continues a run without disturbing it. */
  async run(how: 'resume' | 'recon'): Promise<JsonObject> {
    const started = this.#spawn(how)
    const { code } = await started.exited
    assert.equal(code, 0, started.output)
    return ended(started) ?? {}
  }

  async outcome(): Promise<Outcome> {
    const names = this.two.objects(USERS).map(({ userName }) => String(userName))
    const repository = await openRepository({ file: `${this.dir}/db/repo.db`, log: silent, keys: keysOf(KEY) })
    const unknown = new Set<string | null>()
    for (const { number } of await repository.runs().all())
      for (const row of await repository.runs().rows(number).after(0, 1000, { status: 'UNKNOWN' }))
        unknown.add(row.sourceId)
    const linked = await repository.links().count('m')
    await repository.close()
    const distinct = new Set(names).size
    return { unknown: unknown.size, doubles: names.length - distinct, missing: this.#count - distinct, linked }
  }

  /** Where the next run over what changed begins. */
  async watermark(): Promise<string | undefined> {
    const repository = await openRepository({ file: `${this.dir}/db/repo.db`, log: silent, keys: keysOf(KEY) })
    const mark = await repository.incremental().watermark('m')
    await repository.close()
    return mark?.time
  }

  #spawn(what: 'resume' | 'recon'): NodeProcess {
    return spawnNode([PROCESS, this.dir, what], { env: { CRASH_KEY: KEY } })
  }
}

/** The creation without the id. */
function namelessly({ headers: { 'if-none-match': _, ...headers }, body }: FakeRequest): FakeRequest {
  const { _id, ...content } = body as JsonObject
  const text = JSON.stringify(content)
  return new FakeRequest({ method: 'POST', url: `/openidm/${USERS}?_action=create`, headers, text } as never)
}

const hasExited = ({ child }: NodeProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** The run as its process printed it. */
function ended({ stdout }: NodeProcess): JsonObject | undefined {
  const line = stdout.split('\n').find((text) => text.startsWith('RUN '))
  return line === undefined ? undefined : (JSON.parse(line.slice('RUN '.length)) as JsonObject)
}
