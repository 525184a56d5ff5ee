import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { byHand, echo, held, noContent, notModified, reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { pattern } from '../helpers/pattern.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { bodyOf, type Call, type Client } from './client.ts'
import { itIsManaged, MAPPING } from './management.ts'

/** An application with the router in it, as a user would write it. */
export interface StartedHost {
  readonly client: Client
  /** Closes the instances, not the server. */
  closeInstances(): Promise<void>
  /** Fails when anything went wrong in the host that its callers did not see. */
  assertWell(): void
}

export interface Traits {
  /** Names in the `Vary` of the host itself. */
  readonly vary?: readonly string[]
  /** Answers arrive in pieces, as the remote sends them; and a caller that leaves is noticed. */
  readonly buffers?: boolean
  /** A body parser of the host reads JSON before the router. */
  readonly parsesJson?: boolean
  /** The host compresses what its callers accept to be compressed, and drops lengths for it. */
  readonly compresses?: boolean
  /** It has an `authorizeManagement` of its own, which knows the manager. */
  readonly knowsManager?: boolean
  /** Targets that the host or its platform changes before anything of ours sees them. */
  readonly changes?: readonly string[]
}

export const KEY = { authorization: 'Bearer key' }
const EU = '/openidm/external/idm/eu/'

/** What a host could decode, encode, resolve or cut off. */
const TARGETS = [
  'managed/user',
  'managed/user/',
  'managed/user/a%20b',
  'managed/user/a%2Fb',
  'managed/user/a%2525b',
  'managed/user/%C3%BC%E2%82%AC',
  'managed/user/CORP%5Cjdoe',
  "managed/user/a:@!$&'()*+,=~b",
  'managed/user/a%3Bb%3Fc%23d',
  'managed/user?_queryFilter=userName+eq+%22a%2Bb%22&_fields=*&x=%2F..%2F&y=a/b?c',
  'managed/user?a=%20+%2B&b&c=&=d&a=2',
  'managed/user?',
] as const

export function describeHost(
  title: string,
  start: (confDir: string) => Promise<StartedHost>,
  traits: Traits = {},
): void {
  describe(title, () => {
    ownedBySuite()
    let remote: Remote
    let host: StartedHost
    before(async () => {
      remote = await startRemote()
      const instance = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
      const gone = { ...instance, instanceUrl: 'http://127.0.0.1:1/openidm/' }
      const instances = { 'conf/external.idm-eu.json': instance, 'conf/external.idm-gone.json': gone }
      const conf = { ...instances, 'conf/mapping-m.json': MAPPING }
      host = await start(join(await tempDirWith(conf), 'conf'))
    })
    afterEach(() => {
      remote.requests.splice(0)
      remote.answer(echo())
      host.assertWell()
    })

    const open = (path: string, { headers, ...call }: Call = {}) =>
      host.client.open(path, { ...call, headers: { ...KEY, ...headers } })
    const call = async (path: string, options?: Call) => {
      const answer = await open(path, options)
      const body = await bodyOf(answer)
      return { ...answer, body, text: body.toString() }
    }
    const json = { 'content-type': 'application/json' }

    for (const target of TARGETS.filter((path) => !traits.changes?.includes(path)))
      it(`passes ${target} byte for byte`, async () => {
        const { status, text } = await call(EU + target)
        assert.equal(status, 200, text)
        assert.equal(remote.last.url, `/openidm/${target}`)
      })

    it('refuses a path that leaves the instance', async () => {
      for (const target of ['%2e%2e/%2e%2e/admin', '..%2fadmin', '..%5cadmin']) {
        const { status } = await call(EU + target)
        assert.ok(status === 400 || status === 404, `${target}: ${status}`)
      }
      assert.deepEqual(remote.requests, [])
    })

    it('asks `authorize` first', async () => {
      assert.equal((await call(`${EU}x`, { headers: { authorization: 'Bearer other' } })).status, 401)
      assert.deepEqual(remote.requests, [])
    })

    it('sends a JSON body on', async () => {
      const body = '{"a": [1, true, null], "text": "ü€"}'
      assert.equal((await call(`${EU}x`, { method: 'POST', headers: json, body })).status, 200)
      if (traits.parsesJson) assert.deepEqual(JSON.parse(remote.last.text), JSON.parse(body))
      else assert.equal(remote.last.text, body)
    })

    for (const kind of ['with a length', 'of unknown length'] as const)
      it(`sends 300 kB ${kind} on byte for byte`, async () => {
        const bytes = pattern(300_000)
        const body =
          kind === 'with a length' ? bytes : Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)])
        const headers = { 'content-type': 'application/octet-stream' }
        assert.equal((await call(`${EU}x`, { method: 'PUT', headers, body })).status, 200)
        assert.equal(remote.last.sha256, createHash('sha256').update(bytes).digest('hex'))
      })

    it('hands an answer of 1 MB over byte for byte', async () => {
      const bytes = pattern(1_000_000)
      for (const headers of [{}, { 'content-length': bytes.length }]) {
        remote.answer(reply({ headers: { 'content-type': 'application/octet-stream', ...headers }, body: bytes }))
        assert.deepEqual((await call(`${EU}x`)).body, bytes)
      }
    })

    if (!traits.buffers) {
      it('hands each piece of an answer over as it comes', async () => {
        const exchanges = byHand()
        remote.answer(exchanges)
        const opened = open(`${EU}x`)
        const { response } = await exchanges.next()
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        response.flushHeaders()
        const answer = await opened
        for (const piece of ['one', 'two', 'three']) {
          response.write(piece)
          assert.equal((await answer.next())?.toString(), piece)
        }
        response.end()
        assert.equal(await answer.next(), undefined)
      })

      it('aborts the request to the remote when the caller leaves', async () => {
        const exchanges = byHand()
        remote.answer(exchanges)
        const opened = open(`${EU}x`)
        const { response, request } = await exchanges.next()
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).write('begun')
        const answer = await opened
        assert.equal((await answer.next())?.toString(), 'begun')
        answer.abort()
        await until(() => request.aborted, 'the request to the remote is aborted')
      })
    }

    it('cuts an answer off that breaks off at the remote: no caller can take it for complete', async () => {
      for (const headers of [{}, { 'content-length': 100 }]) {
        remote.answer(({ response, reset }) => {
          response.writeHead(200, { 'content-type': 'application/octet-stream', ...headers })
          response.write('begun', () => setImmediate(reset))
        })
        const outcome = await call(`${EU}x`).catch(() => undefined)
        // A host that buffers has not begun to answer, and may still say what happened.
        assert.ok(outcome === undefined || outcome.status >= 500, JSON.stringify(outcome))
      }
    })

    it('answers HEAD, 204 and 304 without a body', async () => {
      remote.answer(reply({ body: { a: 1 }, headers: { etag: '"1"' } }))
      const head = await call(`${EU}x`, { method: 'HEAD' })
      assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', '"1"'])
      remote.answer(noContent())
      const none = await call(`${EU}x`, { method: 'DELETE' })
      assert.deepEqual([none.status, none.text], [204, ''])
      remote.answer(notModified('"1"'))
      const same = await call(`${EU}x`, { headers: { 'if-none-match': '"1"' } })
      assert.deepEqual([same.status, same.text, same.headers.etag], [304, '', '"1"'])
    })

    it('passes revisions in both directions', async () => {
      remote.answer(reply({ status: 201, body: {}, headers: { etag: '"2"', location: `${remote.url}x/1` } }))
      const answer = await call(`${EU}x`, { method: 'PUT', headers: { ...json, 'if-match': '"1"' }, body: '{}' })
      assert.deepEqual([answer.status, answer.headers.etag, answer.headers.location], [201, '"2"', `${EU}x/1`])
      assert.equal(remote.last.headers['if-match'], '"1"')
    })

    it('merges Vary of host and remote', async () => {
      remote.answer(reply({ body: {}, headers: { vary: 'Accept-Language, origin' } }))
      const vary = String((await call(`${EU}x`)).headers.vary)
        .toLowerCase()
        .split(/, */)
      for (const name of ['accept-language', 'origin', ...(traits.vary ?? [])])
        assert.equal(vary.filter((other) => other === name.toLowerCase()).length, 1, `${name} in ${vary}`)
    })

    it('answers errors as Common REST has it', async () => {
      for (const [path, code] of [
        ['/openidm/external/idm/gone/x', 502],
        ['/openidm/external/idm/none/x', 404],
        [EU, 404],
      ] as const) {
        const { status, text, headers } = await call(path)
        assert.equal(status, code)
        assert.equal((JSON.parse(text) as { code: number }).code, code)
        assert.match(String(headers['content-type']), /^application\/json/)
      }
    })

    it('lists the instances', async () => {
      const { status, text } = await call('/openidm/external/idm?_queryFilter=true')
      assert.equal(status, 200, text)
      assert.deepEqual((JSON.parse(text) as { result: { _id: string }[] }).result.map(({ _id }) => _id).sort(), [
        'eu',
        'gone',
      ])
    })

    itIsManaged(call, () => remote, traits)

    it('leaves its neighbours alone', async () => {
      assert.deepEqual(JSON.parse((await call('/openidm/info/ping')).text), { host: 'here' })
      assert.equal((await call('/openidm/external/other')).status, 404)
      assert.deepEqual(remote.requests, [])
    })

    it('finishes what is under way when the instances are closed, then answers 503', async () => {
      const hold = held(reply({ body: { late: true } }))
      remote.answer(hold)
      const opened = call(`${EU}x`)
      await until(() => hold.waiting === 1)
      const closed = host.closeInstances()
      hold.release()
      const answer = await opened
      assert.deepEqual([answer.status, answer.text], [200, '{"late":true}'])
      await closed
      for (const path of [`${EU}x`, '/openidm/external/idm?_queryFilter=true', '/openidm/recon']) {
        const { status, headers } = await call(path)
        assert.deepEqual([status, headers['retry-after']], [503, '1'])
      }
      assert.equal((await call('/openidm/info/ping')).status, 200)
    })
  })
}
