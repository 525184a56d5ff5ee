/**
 * The remotes of the benchmark of interrupted runs: a source that makes up its objects, and a target that keeps of each
 * object its id only. Prints `{"port":PORT}`.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { userOf } from './recon-remotes.ts'

const SOURCE = 'managed/user'
const COUNT = Number(process.env.OBJECTS)
/** How long a write takes. */
const MS = Number(process.env.MS ?? 0)

/** Of the created objects: their ids by number, and their numbers by id. */
const ids: (string | undefined)[] = new Array(COUNT)
const numbers = new Map<string, number>()
/** In the order of creation, for pages. */
const order: number[] = []
let duplicates = 0
let pages = 0
let firstWrite: number | undefined

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url ?? '', 'http://remote')
  const body = request.method === 'GET' ? '' : await textOf(request)
  if (request.method !== 'GET' && MS > 0) await delay(MS)
  const [status, content] = answer(request, url, body)
  const text = JSON.stringify(content)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
})

type Answer = readonly [status: number, content: object]

function answer({ method, headers }: http.IncomingMessage, url: URL, body: string): Answer {
  const path = url.pathname.replace('/openidm/', '')
  if (path === 'control') return [200, control(url.searchParams.has('forget'))]
  const [first, second, id] = path.split('/')
  const isSource = `${first}/${second}` === SOURCE
  if (method === 'PUT' && id && !isSource) return create(decodeURIComponent(id), headers['if-none-match'] === '*', body)
  if (method !== 'GET') return [405, { code: 405, message: 'Not of this remote' }]
  if (!id) return [200, page(isSource, url.searchParams)]
  const found = isSource ? source(numberOf(id)) : target(numbers.get(decodeURIComponent(id)))
  return found ? [200, found] : [404, { code: 404, message: 'Not found' }]
}

/** @param mustBeNew what `If-None-Match: *` asks for */
function create(id: string, mustBeNew: boolean, body: string): Answer {
  firstWrite ??= Date.now()
  const number = numberOf((JSON.parse(body) as { userName: string }).userName)
  if (mustBeNew && numbers.has(id)) return [412, { code: 412, message: 'Exists' }]
  if (ids[number] !== undefined && ids[number] !== id) duplicates += 1
  if (ids[number] === undefined) order.push(number)
  ids[number] = id
  numbers.set(id, number)
  return [201, target(number) ?? {}]
}

/** Of `u7` and of `user.7`. */
const numberOf = (name: string): number => Number(/\d+$/.exec(name)?.[0])

const source = (number: number) =>
  number < COUNT ? { _id: `u${number}`, _rev: '1', ...userOf(number, 'Engineering') } : undefined

const target = (number: number | undefined) =>
  number !== undefined && ids[number] !== undefined
    ? { _id: ids[number], _rev: '1', ...userOf(number, 'Engineering') }
    : undefined

function page(isSource: boolean, parameters: URLSearchParams): object {
  const filter = parameters.get('_queryFilter') ?? 'true'
  if (filter !== 'true') {
    const values = [...filter.matchAll(/"([^"]*)"/g)].map(([, value = '']) => value)
    const found = values.flatMap((value) => (isSource ? source(numberOf(value)) : target(targetNumber(value))) ?? [])
    return { result: found, pagedResultsCookie: null }
  }
  pages += 1
  const [start, size] = [Number(parameters.get('_pagedResultsCookie') ?? 0), Number(parameters.get('_pageSize'))]
  const total = isSource ? COUNT : order.length
  const end = Math.min(start + size, total)
  const result: object[] = []
  for (let place = start; place < end; place++) result.push((isSource ? source(place) : target(order[place])) ?? {})
  return { result, pagedResultsCookie: end < total ? String(end) : null }
}

/** By `_id` or by user name. */
const targetNumber = (value: string) => numbers.get(value) ?? (value.startsWith('user.') ? numberOf(value) : undefined)

/** What the remote has seen; the time of the first write, in milliseconds since 1970, can be forgotten. */
function control(forgets: boolean): object {
  const seen = { created: order.length, duplicates, pages, firstWrite }
  if (forgets) {
    firstWrite = undefined
    pages = 0
  }
  return seen
}

async function textOf(request: http.IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
