import assert from 'node:assert/strict'
import { closing, echo } from '../helpers/behaviours.ts'
import { rawExchange } from '../helpers/raw.ts'
import { startRemote } from '../helpers/remote.ts'
import { basic, startApp } from './app.ts'

const get = (path: string, ...headers: string[]) =>
  [`GET /openidm/external/idm/eu/${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')

describe('R13 Connection ends with each hop', () => {
  it('a remote that closes its connection does not close that of the caller', async () => {
    const remote = await startRemote({ behaviour: closing(echo()) })
    const app = await startApp({ eu: basic(remote) })
    const { responses, ended } = await rawExchange(app.port, [get('1'), get('2')], { responses: 2 })
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 200],
    )
    assert.equal(ended, false)
    for (const response of responses) assert.equal(response.header('connection'), 'keep-alive')
    assert.equal(remote.connections, 2)
  })

  it('a caller that closes its connection does not close that to the remote', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    for (const path of ['1', '2']) {
      const { response, ended } = await rawExchange(app.port, get(path, 'Connection: close'), { untilClose: true })
      assert.deepEqual([response.status, response.header('connection'), ended], [200, 'close', true])
    }
    assert.equal(remote.connections, 1)
    for (const request of remote.requests) assert.deepEqual(request.raw('connection'), ['keep-alive'])
  })

  it('HTTP/1.0 of a caller is a matter of its own, too', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    for (const path of ['1', '2']) {
      const { response, ended } = await rawExchange(app.port, get(path).replace('1.1', '1.0'), { untilClose: true })
      assert.deepEqual([response.status, ended], [200, true])
    }
    assert.equal(remote.connections, 1)
    assert.equal(remote.last.httpVersion, '1.1')
  })
})
