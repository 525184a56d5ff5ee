import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { connect } from 'node:tls'
import { reply } from './behaviours.ts'
import { onCleanUp } from './clean-up.ts'
import { request, toLoopback } from './http.ts'
import { pattern, patternSha256 } from './pattern.ts'
import { testPki } from './pki.ts'
import { Remote, startRemote } from './remote.ts'
import { until } from './until.ts'

describe('remote', () => {
  it('records what it receives', async () => {
    const remote = await startRemote()
    await request(`${remote.url}managed/user?_action=create`, {
      method: 'POST',
      headers: { 'X-Odd-Case': ['1', '2'], connection: 'close' },
      body: 'body',
    })
    const { last } = remote
    assert.equal(`${last.method} ${last.url} ${last.httpVersion}`, 'POST /openidm/managed/user?_action=create 1.1')
    assert.deepEqual(last.raw('x-odd-case'), ['1', '2'])
    assert.ok(last.rawHeaders.includes('X-Odd-Case'))
    assert.deepEqual([last.text, last.bodyLength, last.complete, last.answered], ['body', 4, true, true])
    await until(() => remote.openConnections === 0)
    assert.equal(last.aborted, false)
  })

  it('keeps the beginning of a large body and the hash of all of it', async () => {
    const remote = await startRemote()
    await request(remote.url, { method: 'PUT', body: pattern(2_000_000) })
    assert.equal(remote.last.body.length, 1024 * 1024)
    assert.equal(remote.last.bodyLength, 2_000_000)
    assert.equal(remote.last.sha256, patternSha256(2_000_000))
  })

  it('counts and numbers connections', async () => {
    const remote = await startRemote()
    const agent = new Agent({ keepAlive: true })
    onCleanUp(() => agent.destroy())
    await request(remote.url, { agent })
    await request(remote.url, { agent })
    await request(remote.url)
    assert.equal(remote.connections, 2)
    assert.deepEqual(
      remote.requests.map(({ socket }) => socket),
      [1, 1, 2],
    )
  })

  it('changes its behaviour', async () => {
    const remote = await startRemote({ behaviour: reply({ body: 'first' }) })
    assert.equal((await request(remote.url)).text, 'first')
    remote.answer(reply({ body: 'second' }))
    assert.equal((await request(remote.url)).text, 'second')
  })

  it('serves TLS by name and knows its clients', async () => {
    const pki = await testPki()
    const sni = { 'b.example.net': await pki.server('b.example.net') }
    const tls = { ...(await pki.server('a.example.net')), sni, clientAuthority: pki.ca }
    const remote = await startRemote({ tls })
    const client = await pki.client('proxy')
    const options = { ca: pki.ca, lookup: toLoopback, key: client.key, cert: client.certificate }
    for (const host of ['a.example.net', 'b.example.net']) {
      await request(`https://${host}:${remote.port}/`, options)
      assert.equal(remote.last.serverName, host)
      assert.equal(remote.last.clientName, 'proxy')
    }
    await assert.rejects(
      request(`https://a.example.net:${remote.port}/`, { ...options, key: undefined, cert: undefined }),
    )
    await until(() => remote.openConnections === 0)
    assert.equal(remote.requests.length, 2)
    assert.equal(remote.connections, 3)
  })

  it('notes a handshake that failed', async () => {
    const pki = await testPki()
    const remote = await startRemote({ tls: await pki.server() })
    const socket = connect({ port: remote.port, host: '127.0.0.1', ca: (await pki.unknownAuthority).certificate })
    socket.on('error', () => undefined)
    await until(() => remote.refusals.length > 0)
  })

  it('closes at once, even with requests under way, and comes back on its port', async () => {
    const remote = await startRemote({ behaviour: () => undefined })
    const { port } = remote
    const pending = request(remote.url)
    await remote.received()
    await remote.close()
    await remote.close()
    await assert.rejects(pending, { code: 'ECONNRESET' })
    const again = await startRemote({ port })
    assert.equal((await request(again.url)).status, 200)
  })

  it('reports a behaviour that failed', async () => {
    const remote = new Remote({
      behaviour: () => {
        throw new Error('wrong test')
      },
    })
    await remote.listen()
    await assert.rejects(request(remote.url))
    await assert.rejects(remote.close(), ({ errors }: AggregateError) => errors[0].message === 'wrong test')
  })
})
