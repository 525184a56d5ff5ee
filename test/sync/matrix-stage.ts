/** Three gateways with the objects of the matrix, before and after the runs of its mappings. */
import { Agent } from 'node:http'
import type { JsonObject } from '../../lib/contract.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import type { CallOptions } from '../helpers/http.ts'
import { startSyncGateway } from './gateways.ts'
import { CASES, CHOICES, type Choice, type MatrixRow, ROWS } from './matrix-rows.ts'

const MANAGED = { objects: [{ name: 'account', schema: { properties: {} } }] }
const COLLECTION = 'managed/account'

export type Direction = 'remote to remote' | 'remote to local' | 'local to remote'

/** One side of the mappings. */
export interface Side {
  /** As the mappings name it. */
  readonly path: string
  /** Where it really is. */
  readonly gateway: TestGateway
  readonly isRemote: boolean
}

/** What is there at one moment: objects by id, links by source id. */
export interface Moment {
  readonly sources: ReadonlyMap<string, JsonObject>
  readonly targets: ReadonlyMap<string, JsonObject>
  readonly links: readonly JsonObject[]
}

export interface Finished {
  /** The entries of the dry run before it. */
  readonly plan: readonly JsonObject[]
  readonly run: JsonObject
  readonly entries: readonly JsonObject[]
  readonly audit: readonly JsonObject[]
}

export interface Matrix {
  readonly source: Side
  readonly target: Side
  readonly before: Moment
  /** When all mappings have had a dry run. */
  readonly planned: Moment
  readonly after: Moment
  readonly runs: ReadonlyMap<Choice, Finished>
  /** `METHOD path` of the requests that a remote got during the runs, reads left out. */
  writes(side: Side): readonly string[]
}

/** Starts the gateways, prepares the objects, and runs each mapping once. */
export async function startMatrix(direction: Direction): Promise<Matrix> {
  const agent = new Agent({ keepAlive: true })
  onCleanUp(() => agent.destroy())
  const [eu, us] = await Promise.all([remoteGateway(), remoteGateway()])
  const path = (name: string) => (name === 'local' ? COLLECTION : `external/idm/${name}/${COLLECTION}`)
  const [from, to] = direction.split(' to ').map((kind, index) => (kind === 'local' ? 'local' : ['eu', 'us'][index]))
  const mappings = CHOICES.map((choice) => mappingOf(choice, path(from ?? ''), path(to ?? '')))
  const remotes = { eu: { url: `${eu.url}/` }, us: { url: `${us.url}/` } }
  const hub = await startSyncGateway(remotes, mappings, { 'managed.json': MANAGED })
  const sideOf = (name = '') => ({
    path: path(name),
    gateway: name === 'local' ? hub : name === 'eu' ? eu : us,
    isRemote: name !== 'local',
  })
  const stage = new Stage(hub, sideOf(from), sideOf(to), agent)
  await Promise.all(ROWS.map((row) => stage.prepare(row)))
  const before = await stage.moment()
  const marks = new Map([stage.source, stage.target].map((side) => [side, side.gateway.log.lines.length] as const))
  const plans = new Map<Choice, JsonObject[]>()
  for (const choice of CHOICES) plans.set(choice, await stage.plan(choice))
  const planned = await stage.moment()
  const runs = new Map<Choice, Finished>()
  for (const choice of CHOICES) runs.set(choice, { plan: plans.get(choice) ?? [], ...(await stage.run(choice)) })
  const after = await stage.moment()
  const { source, target } = stage
  return { source, target, before, planned, after, runs, writes: (side) => writesSince(side, marks.get(side) ?? 0) }
}

const remoteGateway = () => startGateway({ conf: { 'managed.json': MANAGED } })

/** The mapping that knows no other objects than those of its choice. */
function mappingOf(choice: Choice, source: string, target: string): JsonObject {
  const own = CASES.filter(({ actions }) => actions.some((action) => action === choice))
  const query = { _queryFilter: `wants eq "${choice}" and ! (hidden eq true)` }
  return {
    name: nameOf(choice),
    // Only what the test asks for is carried out.
    enableSync: false,
    source,
    target,
    sourceQuery: query,
    targetQuery: query,
    sourceCondition: '! (/source/out eq true)',
    validTarget: { type: 'text/javascript', source: 'target.system !== true' },
    properties: ['name', 'mail'].map((name) => ({ source: name, target: name })),
    correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
    maxDeletes: '100%',
    policies: [...new Set(own.map(({ situation }) => situation))].map((situation) => ({ situation, action: choice })),
  }
}

const nameOf = (choice: Choice): string => `m-${choice}`

class Stage {
  readonly source: Side
  readonly target: Side
  readonly #hub: TestGateway
  readonly #agent: Agent

  constructor(hub: TestGateway, source: Side, target: Side, agent: Agent) {
    this.#hub = hub
    this.source = source
    this.target = target
    this.#agent = agent
  }

  async prepare(row: MatrixRow): Promise<void> {
    const { id, choice, source, target, twin, owner, linked, later, removed } = row
    const common = { name: id, wants: choice }
    const [s, t] = [this.source, this.target]
    if (source) await this.#put(s, id, { ...common, mail: 'new', ...source })
    if (owner) await this.#put(s, `o-${id}`, { ...common, mail: 'owner', ...owner })
    if (target) await this.#put(t, `t-${id}`, { ...common, mail: 'old', city: 'Oslo', ...target })
    if (linked) {
      const pair = `sourceId=${linked === 'owner' ? `o-${id}` : id}&targetId=t-${id}`
      await this.#call(this.#hub, `/sync?_action=performAction&mapping=${nameOf(choice)}&action=LINK&${pair}`, 'POST')
    }
    if (twin) await this.#put(t, `u-${id}`, { ...common, mail: 'old', ...twin })
    if (later) await this.#put(s, id, { ...common, mail: 'new', ...source, ...later })
    if (removed === 'source') await this.#call(s.gateway, `/${COLLECTION}/${id}`, 'DELETE')
    if (removed === 'target') await this.#call(t.gateway, `/${COLLECTION}/t-${id}`, 'DELETE')
  }

  async moment(): Promise<Moment> {
    const byId = (objects: readonly JsonObject[]) => new Map(objects.map((one) => [String(one._id), one] as const))
    return {
      sources: byId(await this.#query(this.source.gateway, COLLECTION)),
      targets: byId(await this.#query(this.target.gateway, COLLECTION)),
      links: await this.#query(this.#hub, 'repo/link'),
    }
  }

  async plan(choice: Choice): Promise<JsonObject[]> {
    return this.#query(this.#hub, `recon/plan/${await this.#start(choice, '&analyze=true')}/entry`)
  }

  async run(choice: Choice): Promise<Omit<Finished, 'plan'>> {
    const id = await this.#start(choice)
    return {
      run: await this.#call(this.#hub, `/recon/${id}`),
      entries: await this.#query(this.#hub, `recon/assoc/${id}/entry`),
      audit: await this.#query(this.#hub, 'audit/recon', `reconId+eq+"${id}"+and+entryType+eq+"entry"`),
    }
  }

  async #start(choice: Choice, more = ''): Promise<string> {
    const params = `mapping=${nameOf(choice)}&waitForCompletion=true&persistAssociations=true${more}`
    return String((await this.#call(this.#hub, `/recon?_action=recon&${params}`, 'POST'))._id)
  }

  async #query(gateway: TestGateway, path: string, filter = 'true'): Promise<JsonObject[]> {
    const { result } = await this.#call(gateway, `/${path}?_queryFilter=${filter}`)
    return result as JsonObject[]
  }

  #put({ gateway }: Side, id: string, json: JsonObject): Promise<JsonObject> {
    return this.#call(gateway, `/${COLLECTION}/${id}`, 'PUT', json)
  }

  async #call(gateway: TestGateway, path: string, method = 'GET', json?: JsonObject): Promise<JsonObject> {
    const options: CallOptions = { method, agent: this.#agent, ...(json && { json }) }
    const answer = await gateway.call(path, options)
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.json as JsonObject
  }
}

const writesSince = ({ gateway }: Side, mark: number): string[] =>
  gateway.log.lines.slice(mark).flatMap((line) => {
    const { msg, method, path } = JSON.parse(line) as Record<string, unknown>
    return msg === 'access' && method !== 'GET' ? [`${String(method)} ${String(path)}`] : []
  })
