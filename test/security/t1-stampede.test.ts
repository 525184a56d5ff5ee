import assert from 'node:assert/strict'
import { join } from 'node:path'
import { guarded, held, reply } from '../helpers/behaviours.ts'
import { writeAtomically } from '../helpers/files.ts'
import { open } from '../helpers/http.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const CALLERS = 100

describe('T1 stampede at the token endpoint', () => {
  it('100 callers without a token cost one token request, and all get through', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    const gate = held(tokens.honest)
    tokens.answer(gate)
    const calls = Array.from({ length: CALLERS }, (_, index) => idm.call(`eu/managed/user/u${index}`))
    await until(() => gate.waiting === 1)
    gate.release()
    const answers = await Promise.all(calls)
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(tokens.requests.length, 1)
    assert.equal(remote.requests.length, CALLERS)
    assert.deepEqual(new Set(remote.requests.map(({ headers }) => headers.authorization)).size, 1)
  })

  it('100 callers whose token was revoked cost one more token request, and all get through', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens, { maxConnections: CALLERS }) })
    await idm.call('eu/first')
    tokens.store.revoke()
    const answers = await Promise.all(Array.from({ length: CALLERS }, () => idm.call('eu/x')))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(tokens.requests.length, 2)
  })

  it('the first caller leaving does not take the token from the others', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    const gate = held(tokens.honest)
    tokens.answer(gate)
    const first = open(`http://127.0.0.1:${idm.port}/openidm/external/idm/eu/first`)
    await until(() => gate.waiting === 1)
    const second = idm.call('eu/second')
    first.outgoing.destroy()
    await assert.rejects(first.answer)
    gate.release()
    assert.equal((await second).status, 200)
    assert.equal(tokens.requests.length, 1)
    assert.deepEqual(
      remote.requests.map(({ url }) => url),
      ['/openidm/second'],
    )
  })

  it('a change of the configuration does not cut callers who wait for the token', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    const gate = held(tokens.honest)
    tokens.answer(gate)
    const call = idm.call('eu/x')
    await until(() => gate.waiting === 1)
    const changed = bearerOf(remote, tokens, { socketTimeout: '61s' })
    await writeAtomically(join(idm.confDir, 'external.idm-eu.json'), changed)
    await until(() => idm.log.messages('info').includes('remote instance "eu" is changed'))
    gate.release()
    assert.equal((await call).status, 200)
  })

  it('two instances never share a token, be their settings ever so alike', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote()
    const idm = await startIdm({ a: bearerOf(remote, tokens), b: bearerOf(remote, tokens) })
    await Promise.all([idm.call('a/x'), idm.call('b/x')])
    assert.equal(tokens.requests.length, 2)
    assert.equal(new Set(remote.requests.map(({ headers }) => headers.authorization)).size, 2)
  })
})
