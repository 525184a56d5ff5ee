/** The remotes of the reconciliation benchmark: two collections in memory, paged by offset. Prints `{"port":PORT}`. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { userOf } from './recon-remotes.ts'

interface Entry {
  readonly _id: string
  _rev: string
  [member: string]: unknown
}

const collections = new Map<string, Map<string, Entry>>([
  ['managed/user', new Map()],
  ['managed/alpha_user', new Map()],
])

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url ?? '', 'http://remote')
  const body = request.method === 'GET' ? '' : await textOf(request)
  const text = JSON.stringify(answer(request.method ?? '', url, body))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
})

function answer(method: string, url: URL, body: string): object {
  const path = url.pathname.replace('/openidm/', '')
  if (path === 'control') return control(Number(url.searchParams.get('fill')), Number(url.searchParams.get('change')))
  const [first = '', second = '', id] = path.split('/')
  const objects = collections.get(`${first}/${second}`) ?? new Map<string, Entry>()
  if (method === 'POST') return put(objects, `t${objects.size}`, JSON.parse(body))
  if (method === 'PUT' && id) return put(objects, id, JSON.parse(body))
  if (id) return objects.get(id) ?? {}
  return page(objects, url.searchParams)
}

function put(objects: Map<string, Entry>, _id: string, content: object): Entry {
  const entry = { ...content, _id, _rev: String(Number(objects.get(_id)?._rev ?? 0) + 1) }
  objects.set(_id, entry)
  return entry
}

/** As they were when the first page was asked for. */
const lists = new Map<Map<string, Entry>, Entry[]>()

function page(objects: Map<string, Entry>, parameters: URLSearchParams): object {
  const filter = parameters.get('_queryFilter') ?? 'true'
  if (filter !== 'true') {
    const result = [...filter.matchAll(/"([^"]*)"/g)].flatMap(([, id]) => objects.get(id ?? '') ?? [])
    return { result, pagedResultsCookie: null }
  }
  const size = Number(parameters.get('_pageSize'))
  const start = Number(parameters.get('_pagedResultsCookie') ?? 0)
  if (start === 0) lists.set(objects, [...objects.values()])
  const list = lists.get(objects) ?? []
  const result = list.slice(start, start + size)
  return { result, pagedResultsCookie: start + size < list.length ? String(start + size) : null }
}

/** `fill` objects in the source; every 100th of them changed. */
function control(fill: number, change: number): object {
  const source = collections.get('managed/user') ?? new Map<string, Entry>()
  if (fill > 0) for (const objects of collections.values()) objects.clear()
  for (let index = 0; index < fill; index++) put(source, `u${index}`, userOf(index, 'Engineering'))
  if (change > 0)
    for (let index = 0; index < source.size; index += 100) put(source, `u${index}`, userOf(index, `Team ${change}`))
  return {}
}

async function textOf(request: http.IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
