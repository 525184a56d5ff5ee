/**
 * A client that fetches the pages of both collections, writes what it is told to flat out, and does nothing else. Does
 * so once for each message; answers `{ms, cpuMs}`.
 */
import { Pool } from 'undici'

/** What it writes: every object of the source, those that differ, or nothing. */
export type Writes = 'all' | 'changed' | 'none'
export interface BareResult {
  readonly ms: number
  readonly cpuMs: number
}

interface Entry {
  readonly _id: string
  readonly _rev: string
  readonly [member: string]: unknown
}

const CREDENTIALS = { authorization: `Basic ${Buffer.from('openidm-admin:openidm-admin').toString('base64')}` }
const SOURCE = 'managed/user'
const TARGET = 'managed/alpha_user'
const pool = new Pool(process.env.TARGET ?? '', { connections: 10 })

async function fetchPages(collection: string): Promise<Entry[]> {
  const objects: Entry[] = []
  let cookie: string | null = null
  do {
    const paging: string = cookie === null ? '' : `&_pagedResultsCookie=${cookie}`
    const path = `/openidm/${collection}?_queryFilter=true&_pageSize=1000${paging}`
    const answer = await pool.request({ method: 'GET', path, headers: CREDENTIALS })
    const page = JSON.parse(await answer.body.text()) as { result: Entry[]; pagedResultsCookie: string | null }
    objects.push(...page.result)
    cookie = page.pagedResultsCookie
  } while (cookie !== null)
  return objects
}

interface Write {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  readonly headers: Record<string, string>
  readonly object: object
}

const JSON_BODY = { 'content-type': 'application/json', ...CREDENTIALS }

function writesOf(writes: Writes, sources: readonly Entry[], targets: readonly Entry[]): Write[] {
  const post = { method: 'POST', path: `/openidm/${TARGET}?_action=create`, headers: JSON_BODY } as const
  if (writes === 'all') return sources.map((object) => ({ ...post, object }))
  if (writes === 'none') return []
  const byName = new Map(targets.map((target) => [target.userName, target]))
  return sources.flatMap((object) => {
    const target = byName.get(object.userName)
    if (!target || target.department === object.department) return []
    const headers = { ...JSON_BODY, 'if-match': target._rev }
    return [{ method: 'PUT' as const, path: `/openidm/${TARGET}/${target._id}`, headers, object }]
  })
}

async function round(writes: Writes): Promise<BareResult> {
  const [begin, usage] = [performance.now(), process.cpuUsage()]
  const targets = await fetchPages(TARGET)
  const queue = writesOf(writes, await fetchPages(SOURCE), targets).values()
  const worker = async () => {
    for (const { object, ...request } of queue)
      await (await pool.request({ ...request, body: JSON.stringify(object) })).body.text()
  }
  await Promise.all(Array.from({ length: 10 }, worker))
  const { user, system } = process.cpuUsage(usage)
  return { ms: performance.now() - begin, cpuMs: (user + system) / 1000 }
}

process.on('message', async (writes: Writes) => process.send?.(await round(writes)))
console.log('{}')
