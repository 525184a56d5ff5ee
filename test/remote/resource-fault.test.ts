import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { reply } from '../helpers/behaviours.ts'
import { fakeIdm, foreign } from '../helpers/fake-idm/fake-idm.ts'
import { startRemote } from '../helpers/remote.ts'
import { basic, COLLECTION, FILTER, startGateway, startRecording } from './resource-parts.ts'

describe('a remote as a resource: what goes wrong', () => {
  const NAME = `${COLLECTION}/bo`
  const policy = { result: false, failedPolicyRequirements: [{ property: 'mail', policyRequirements: [] }] }
  const rows: [what: string, status: number, body: unknown, error: JsonObject][] = [
    [
      'an error with detail',
      403,
      { code: 403, reason: 'Forbidden', message: 'Policy validation failed', detail: policy },
      { code: 403, reason: 'Forbidden', message: 'Policy validation failed', detail: policy },
    ],
    [
      'a reason of its own',
      409,
      { code: 409, reason: 'Odd', message: 'a &#39;b&#39;' },
      { code: 409, reason: 'Odd', message: 'a &#39;b&#39;' },
    ],
    [
      'a stale revision',
      412,
      { code: 412, reason: 'Precondition Failed', message: 'x', detail: null },
      { code: 412, reason: 'Precondition Failed', message: 'x' },
    ],
    [
      'an error in HTML',
      400,
      '<html>Bad</html>',
      { code: 400, reason: 'Bad Request', message: `${NAME}: the remote answered 400` },
    ],
    [
      'an error without a body',
      500,
      '',
      { code: 500, reason: 'Internal Server Error', message: `${NAME}: the remote answered 500` },
    ],
    [
      'an error of another kind',
      503,
      { error: 'busy' },
      { code: 503, reason: 'Service Unavailable', message: `${NAME}: the remote answered 503` },
    ],
    [
      'half a document',
      200,
      '{"_id":""',
      {
        code: 502,
        reason: 'Bad Gateway',
        message: `${NAME}: the remote answered with something that is no whole JSON document`,
      },
    ],
    [
      'a login page',
      200,
      '<html>Sign in</html>',
      {
        code: 502,
        reason: 'Bad Gateway',
        message: `${NAME}: the remote answered with HTML that is no whole JSON document`,
      },
    ],
    [
      'nothing',
      200,
      '',
      {
        code: 502,
        reason: 'Bad Gateway',
        message: `${NAME}: the remote answered with something that is no JSON object`,
      },
    ],
    [
      'no object',
      200,
      '[1]',
      {
        code: 502,
        reason: 'Bad Gateway',
        message: `${NAME}: the remote answered with something that is no JSON object`,
      },
    ],
    [
      'a redirect',
      302,
      '',
      { code: 502, reason: 'Bad Gateway', message: `${NAME}: the remote answered with a redirect (302)` },
    ],
    [
      'refused credentials',
      401,
      { code: 401, reason: 'Unauthorized', message: 'Access Denied' },
      {
        code: 401,
        reason: 'Unauthorized',
        message: 'Remote instance "eu": it refused the credentials of its configuration; check userName and password',
      },
    ],
  ]
  for (const [what, status, body, expected] of rows)
    it(what, async () => {
      const remote = await startRemote({ behaviour: reply({ status, body }) })
      const { connection } = await startGateway(basic(remote.url))
      const error = await connection.read(NAME).then(
        () => assert.fail('no error'),
        (error: unknown) => error,
      )
      assert.deepEqual(JSON.parse(JSON.stringify(error)), expected)
    })

  it('what is not there is null to read, and an error to change', async () => {
    const body = { code: 404, reason: 'Not Found', message: 'Object bo not found in managed/user' }
    const remote = await startRemote({ behaviour: reply({ status: 404, body }) })
    const { connection } = await startGateway(basic(remote.url))
    assert.equal(await connection.read(NAME), null)
    await assert.rejects(connection.patch(NAME, null, []), { code: 404, message: body.message })
  })

  for (const body of [{}, { result: 1 }, { result: [1] }, [], { results: [] }])
    it(`a query answered with ${JSON.stringify(body)}`, async () => {
      const { connection } = await startRecording(body)
      await assert.rejects(connection.query(COLLECTION, FILTER), { code: 502, message: /no list of objects "result"/ })
    })

  it('a creation with an id that a path cannot carry', async () => {
    const remote = await fakeIdm()
    const { connection } = await startGateway(basic(remote.url))
    assert.equal((await connection.create(COLLECTION, 'a/b', { sn: 'x' }))?._id, 'a/b')
    assert.deepEqual(remote.ids('managed/user'), ['a/b'])
    remote.switches.clientIds = 403
    const message = 'The object with the id "c/d" was not created: Creation with a client-provided id is not supported'
    await assert.rejects(connection.create(COLLECTION, 'c/d', {}), { code: 403, reason: 'Forbidden', message })
    remote.intercept('POST *', foreign('html', 400))
    await assert.rejects(connection.create(COLLECTION, 'c/d', {}), {
      code: 400,
      message: `The object with the id "c/d" was not created: ${COLLECTION}: the remote answered 400`,
    })
  })

  it("the remote's words go to the caller and to no log", async () => {
    const message = 'duplicate {"password":{"$crypto":"canary"}}'
    const remote = await startRemote({ behaviour: reply({ status: 412, body: { code: 412, message } }) })
    const { connection, log } = await startGateway(basic(remote.url))
    await assert.rejects(connection.create(COLLECTION, 'bo', {}), { code: 412, message })
    assert.doesNotMatch(log.text, /canary/)
  })

  it('an instance that was disabled or removed is an error, which does not say that objects are gone', async () => {
    const { remote, connection, configure } = await startRecording({})
    await configure(basic(remote.url, { enabled: false }))
    await assert.rejects(connection.query(COLLECTION, FILTER), { code: 502, message: /"eu" is disabled/ })
    await assert.rejects(connection.read(`${COLLECTION}/bo`), { code: 502, message: /"eu" is disabled/ })
    await configure()
    await assert.rejects(connection.read(`${COLLECTION}/bo`), { code: 502, message: /"eu" not found/ })
    assert.equal(remote.requests.length, 0)
  })
})
