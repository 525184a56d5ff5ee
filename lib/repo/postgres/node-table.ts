import type { JsonObject } from '../../contract.ts'
import {
  type ClusterMember,
  type ClusterNode,
  type ClusterNodes,
  gatewayNameOf,
  NODE_TIMEOUT_MS,
  nodeIdOf,
} from '../cluster.ts'
import type { Lock } from '../sql/statements/database.ts'
import { all, first, run, type Work } from '../sql/statements/work.ts'
import type { PostgresDatabase } from './database.ts'

/** Between two beats: a longer time means that the server was away, or that this process stood still. Less than two beats. */
const MAX_GAP_MS = 15_000
/** How long no process counts as ended after that: the others have to be seen again first. More than a beat. */
const WATCH_MS = 15_000
/** How long a node that is down is listed. */
const REMEMBERED_MS = 3_600_000

interface NodeRow {
  readonly id: string
  readonly process: string
  readonly gateway: string
  readonly content: string
  readonly lastSeen: Date
  readonly isLive: boolean
}

/** The processes that use the database. */
export class NodeTable implements ClusterNodes {
  readonly #db: PostgresDatabase
  readonly #process: string
  readonly #now: () => number
  /** When this process was last seen, and since when without a gap. */
  #seen = Number.NEGATIVE_INFINITY
  #since = 0

  /** @param now milliseconds of a clock that is never set back */
  constructor(db: PostgresDatabase, process: string, now = () => performance.now()) {
    this.#db = db
    this.#process = process
    this.#now = now
  }

  async join(member: ClusterMember): Promise<string> {
    const own = this.#process
    const id = await this.#db.write(
      function* () {
        const id = nodeIdOf(yield* nameOf(member), member)
        yield* run(DELETE_FORMER, [id, own])
        yield* run(UPSERT, [own, id, gatewayNameOf(id, member), member.gateway, '{}'])
        return id
      },
      { locks: [NODES] },
    )
    this.#wasSeen()
    return id
  }

  async beat(id: string, member: ClusterMember, content: JsonObject): Promise<void> {
    const values = [this.#process, id, gatewayNameOf(id, member), member.gateway, JSON.stringify(content)]
    await this.#db.write(function* () {
      yield* run(UPSERT, values)
      yield* run(`delete from node where seen < ${BEFORE}`, [REMEMBERED_MS])
      yield* run(`delete from node_message where created < ${BEFORE}`, [REMEMBERED_MS])
    })
    this.#wasSeen()
  }

  async leave(): Promise<void> {
    await this.#db.write(() => run('delete from node where process = ?', [this.#process]))
  }

  async ended(processes: readonly string[]): Promise<string[]> {
    const others = processes.filter((process) => process !== this.#process)
    if (others.length === 0) return []
    const text = `select process from node where seen > ${BEFORE}`
    const rows = await this.#db.run(all<{ process: string }>(text, [NODE_TIMEOUT_MS]))
    if (!this.#watches) return []
    const live = new Set(rows.map(({ process }) => process))
    return others.filter((process) => !live.has(process))
  }

  async list(): Promise<ClusterNode[]> {
    const text = `select id, process, gateway, content, seen as "lastSeen", seen > ${BEFORE} as "isLive" from node order by id, seen`
    const rows = await this.#db.run(all<NodeRow>(text, [NODE_TIMEOUT_MS]))
    return rows.map((row) => ({
      ...row,
      content: JSON.parse(row.content) as JsonObject,
      lastSeen: row.lastSeen.toISOString(),
    }))
  }

  /** Whether each process that runs has had the time to be seen. */
  get #watches(): boolean {
    const now = this.#now()
    return now - this.#seen <= MAX_GAP_MS && now - this.#since >= WATCH_MS
  }

  #wasSeen(): void {
    const now = this.#now()
    if (now - this.#seen > MAX_GAP_MS) this.#since = now
    this.#seen = now
  }
}

/** The name that the processes of this gateway have, or the first one that no other gateway has. */
function* nameOf({ gateway, name }: ClusterMember): Work<string> {
  const known = yield* first<{ name: string }>('select name from node where gateway = ? limit 1', [gateway])
  if (known) return known.name
  const rows = yield* all<{ name: string }>(`select name from node where seen > ${BEFORE}`, [NODE_TIMEOUT_MS])
  const taken = new Set(rows.map((row) => row.name))
  for (let count = 1; ; count++) {
    const free = count === 1 ? name : `${name}.${count}`
    if (!taken.has(free)) return free
  }
}

const NODES: Lock = { name: 'nodes' }
const BEFORE = `clock_timestamp() - ?::bigint * interval '1 millisecond'`
/** A node is one process after the other. */
const DELETE_FORMER = 'delete from node where id = ? and process <> ?'
const UPSERT = `insert into node (process, id, name, gateway, content, seen) values (?, ?, ?, ?, ?, clock_timestamp())
  on conflict (process) do update set content = excluded.content, seen = excluded.seen`
