import assert from 'node:assert/strict'
import { held } from '../helpers/behaviours.ts'
import { until } from '../helpers/until.ts'
import { CALLERS_OWN, call, type OnStage } from './caller.ts'

/** More callers than the instance has connections (64). */
const CALLERS = 80

export const h2 = (stage: OnStage): void => {
  describe('H2 the token comes late', () => {
    it('sends nothing before there is a token, and then every request with it', async () => {
      const { tokens, cloud } = stage()
      const late = held(tokens.honest)
      tokens.answer(late)
      // The remote refuses the token of earlier tests, so that a new one is needed.
      cloud.answer(({ response }) => response.writeHead(401).end())
      const before = tokens.requests.length
      const first = call(stage(), 'cloud/info/ping')
      await until(() => late.waiting === 1, 'a token is asked for')
      const requests = cloud.requests.length
      const answers = Array.from({ length: CALLERS }, (_, index) =>
        call(stage(), `cloud/managed/user/${index}`, { headers: CALLERS_OWN }),
      )
      await until(async () => (await call(stage(), 'eu/info/ping')).status === 200)
      assert.equal(cloud.requests.length, requests, 'nobody went on without a token')
      cloud.answer(({ response }) => response.end('{}'))
      late.release()
      for (const answer of await Promise.all([first, ...answers])) assert.equal(answer.status, 200)
      assert.equal(tokens.requests.length, before + 1, 'one token for all')
      for (const { headers } of cloud.requests.slice(1)) assert.ok(tokens.accepts(headers.authorization))
      tokens.answer(tokens.honest)
    })
  })
}
