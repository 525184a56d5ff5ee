import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { hasBody } from '../../lib/crest/http/message.ts'
import { incoming } from '../proxy/incoming.ts'

describe('hasBody', () => {
  const TABLE: [IncomingMessage['headers'], boolean][] = [
    [{}, false],
    [{ 'content-length': '0' }, false],
    [{ 'content-length': '1' }, true],
    [{ 'transfer-encoding': 'chunked' }, true],
  ]
  for (const [headers, expected] of TABLE)
    it(`${JSON.stringify(headers)}: ${expected}`, () => assert.equal(hasBody(incoming({ headers })), expected))

  for (const endAfterHeaders of [true, false])
    it(`HTTP/2, headers that ${endAfterHeaders ? 'end' : 'do not end'} the stream: ${!endAfterHeaders}`, () => {
      const stream = { close: () => undefined, endAfterHeaders }
      // Node's class has getters here, which the plain request of this test does not.
      const request = incoming()
      Object.defineProperties(request, { httpVersionMajor: { value: 2 }, stream: { value: stream } })
      assert.equal(hasBody(request), !endAfterHeaders)
    })
})
