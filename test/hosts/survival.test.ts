import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from '../../lib/contract.ts'
import { externalIdm } from '../../lib/index.ts'
import { type Behaviour, echo, reply, unauthorized } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { type CallOptions, request } from '../helpers/http.ts'
import { assertSince } from '../helpers/patience.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf } from '../proxy/mounted.ts'

/** An error that is thrown in a listener or a timer ends the process; mocha turns it into the failure of the test. */

/** Makes what the router is given of what the host has. */
type Sabotage = (request: IncomingMessage, response: ServerResponse) => [IncomingMessage, ServerResponse]

const fail = (): never => {
  throw new Error('sabotage')
}

/** The object itself stays as it is: Node works on it. A method throws when it is called, anything else when it is read. */
function throwing<T extends object>(object: T, member: string): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown =
        name === member && typeof Reflect.get(target, name) !== 'function' ? fail() : Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return name === member ? fail : value.bind(target)
    },
  })
}

const REQUEST_MEMBERS = [
  'method',
  'url',
  'headers',
  'socket',
  'httpVersionMajor',
  'originalUrl',
  'complete',
  'readableDidRead',
  'on',
  'off',
  'pipe',
  'resume',
  'pause',
]
const RESPONSE_MEMBERS = [
  'headersSent',
  'destroyed',
  'closed',
  'writableEnded',
  'socket',
  'req',
  'writeHead',
  'write',
  'end',
  'flushHeaders',
  'hasHeader',
  'getHeader',
  'removeHeader',
  'destroy',
  'on',
  'once',
]

const chunked: Behaviour = ({ response }) => {
  response.writeHead(200, { vary: 'x' })
  response.write('one')
  setImmediate(() => response.end('two'))
}

const broken: Behaviour = ({ response, reset }) => {
  response.writeHead(200, { 'content-length': 10 })
  response.write('one', () => setImmediate(reset))
}

const switching: Behaviour = ({ response }) =>
  response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello')

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'an answer at once': reply({ body: { a: 1 }, headers: { vary: 'x' } }),
  'an answer in pieces': chunked,
  'an answer that breaks off': broken,
  'a refusal of the credentials': unauthorized(),
  'a switch of protocols': switching,
  'no answer in time': () => undefined,
  'no connection': ({ reset }) => reset(),
  'a status that Node does not write': ({ response }) => response.socket?.end('HTTP/1.1 000 x\r\n\r\n'),
}

async function start({ log, sabotage }: { log?: Logger; sabotage?: Sabotage | undefined } = {}) {
  const remote = await startRemote()
  const tokens = await startTokenServer({ tls: false, hostName: '127.0.0.1' })
  const more = { socketTimeout: '500 ms', connectionTimeout: '10 s' }
  const dir = await tempDirWith({
    'conf/external.idm-eu.json': basicOf(remote, more),
    'conf/external.idm-cloud.json': bearerOf(remote, tokens, more),
  })
  let current = sabotage
  const idm = await externalIdm({ confDir: `${dir}/conf`, authorize: () => true, ...(log && { log }) })
  onCleanUp(() => idm.close())
  const server = createServer((incoming, response) => {
    const given = current?.(incoming, response) ?? ([incoming, response] as const)
    // The router itself is called in a listener: nothing catches what it throws.
    idm.router(...given, () => response.writeHead(404).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => server.closeAllConnections())
  onCleanUp(() => server.close())
  const { port } = server.address() as AddressInfo
  const call = (path: string, options: CallOptions = {}) =>
    request(`http://127.0.0.1:${port}/openidm/external/idm/${path}`, options)
  return { remote, idm, call, sabotageNoMore: () => (current = undefined) }
}

type Started = Awaited<ReturnType<typeof start>>

/** Whatever becomes of the caller: an answer, a cut, or nothing at all. */
async function attempt({ call }: Started, path: string, options: CallOptions = {}): Promise<void> {
  await call(path, { signal: AbortSignal.timeout(300), ...options }).catch(() => undefined)
}

async function assertWell({ call, remote, idm }: Started): Promise<void> {
  remote.answer(echo())
  // A connection that a remote has reset may be found out late.
  for (const instance of ['eu', 'cloud'])
    await until(async () => {
      const { status, text } = await call(`${instance}/x`)
      return status === 200 || assert.fail(text)
    }, `${instance} answers`)
  const begin = performance.now()
  await idm.close()
  assertSince(begin, 5000, 'no request was left in flight')
}

describe('nothing of the router ends the process of the host', () => {
  const SIDES = [
    ['request', REQUEST_MEMBERS],
    ['response', RESPONSE_MEMBERS],
  ] as const
  for (const [side, members] of SIDES)
    for (const member of members)
      it(`when ${side}.${member} throws`, async () => {
        const started = await start({
          sabotage: (incoming, response) =>
            side === 'request' ? [throwing(incoming, member), response] : [incoming, throwing(response, member)],
        })
        await Promise.all(
          ['eu/x', 'cloud/x', 'none/x', 'eu', '?_queryFilter=true'].map((path) =>
            attempt(started, path, { method: 'POST', json: { a: 1 } }),
          ),
        )
        for (const behaviour of [chunked, broken, unauthorized()]) {
          started.remote.answer(behaviour)
          await attempt(started, 'eu/x')
        }
        started.sabotageNoMore()
        await assertWell(started)
      })

  for (const [title, behaviour] of Object.entries(BEHAVIOURS))
    it(`when the logger throws: ${title}`, async () => {
      const log = { trace: fail, debug: fail, info: fail, warn: fail, error: fail }
      const started = await start({ log })
      started.remote.answer(behaviour)
      for (const instance of ['eu', 'cloud']) {
        await attempt(started, `${instance}/x`)
        await attempt(started, `${instance}/x`, { method: 'POST', json: { a: 1 } })
      }
      await assertWell(started)
    })

  for (const event of ['error', 'close', 'drain', 'pipe'])
    it(`when the host emits ${event} on request and response, twice and at any time`, async () => {
      const started = await start({
        sabotage: (incoming, response) => {
          for (const emitter of [incoming, response])
            for (const when of [setImmediate, (act: () => void) => setTimeout(act, 5)])
              when(() => emitter.listenerCount(event) > 0 && emitter.emit(event, new Error('sabotage')))
          return [incoming, response]
        },
      })
      for (const behaviour of Object.values(BEHAVIOURS)) {
        started.remote.answer(behaviour)
        await attempt(started, 'eu/x', { method: 'POST', json: { a: 1 } })
      }
      started.sabotageNoMore()
      await assertWell(started)
    })

  it('nor keeps a request in flight whose response finishes but never closes', async () => {
    const started = await start({
      sabotage: (incoming, response) => {
        const emit = response.emit.bind(response)
        response.emit = (event: string, ...rest: unknown[]) => event !== 'close' && emit(event, ...rest)
        return [incoming, response]
      },
    })
    for (const instance of ['eu', 'cloud']) assert.equal((await started.call(`${instance}/x`)).status, 200)
    await assertWell(started)
  })

  it('when the host answers by itself meanwhile', async () => {
    const started = await start({
      sabotage: (incoming, response) => {
        setImmediate(() => response.headersSent || response.writeHead(503).end('host'))
        return [incoming, response]
      },
    })
    for (const behaviour of Object.values(BEHAVIOURS)) {
      started.remote.answer(behaviour)
      await attempt(started, 'eu/x', { method: 'POST', json: { a: 1 } })
    }
    started.sabotageNoMore()
    await assertWell(started)
  })
})
