import { assertNothingSeen, assertRefused, call, callHost, callRaw, MOUNT, type OnStage, wire } from './caller.ts'

/** What the host's access decision was made for must be what the remote is sent. */
export const judgedAndSent = (stage: OnStage): void => {
  describe('a request that is judged as another than the remote is sent', () => {
    for (const method of ['GET', 'get', 'POST', 'DELETE', '', ' ']) {
      it(`X-HTTP-Method-Override: ${method}`, async () => {
        const headers = { 'x-http-method-override': method }
        assertRefused(
          await call(stage(), 'eu/managed/user/u1?_action=patch', { method: 'POST', headers, json: [] }),
          400,
        )
        assertRefused(await call(stage(), 'eu/managed/user/u1', { method: 'GET', headers }), 400)
        assertRefused(await callHost(stage(), '/openidm/external/idm', { method: 'POST', headers }), 400)
        assertNothingSeen(stage())
      })
    }

    for (const [condition, ...others] of [
      ['If-None-Match: *', 'Connection: if-none-match'],
      ['If-None-Match: *', 'Connection: keep-alive', 'Connection: IF-NONE-MATCH'],
      ['If-Match: "1"', 'Connection: close,if-match'],
      ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'Connection: if-unmodified-since'],
      ['If-Match:'],
      ['If-Match: ,'],
      ['If-None-Match: "*"'],
    ]) {
      it(`PUT with ${[condition, ...others].join(' and ')}`, async () => {
        const lines = [condition ?? '', ...others, 'Content-Type: application/json', 'Content-Length: 2']
        const { response } = await callRaw(stage(), wire(`PUT ${MOUNT}eu/managed/user/u1`, lines, '{}'))
        assertRefused(response, 400)
        assertNothingSeen(stage())
      })
    }

    for (const lines of [
      ['Host: other.example.com'],
      ['host: gateway.example.com'],
      ['Authorization: Basic YTpi', 'Authorization: Bearer x'],
      ['X-OpenIDM-Username: a', 'x-openidm-username: b'],
      ['Content-Type: application/json', 'content-type: text/plain'],
    ]) {
      it(`two of a kind: ${lines.join(' and ')}`, async () => {
        const { response } = await callRaw(stage(), wire(`GET ${MOUNT}eu/managed/user/u1`, lines))
        assertRefused(response, 400)
        assertNothingSeen(stage())
      })
    }
  })
}
