import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { ADMIN, startGateway } from '../gateway/parts.ts'
import { reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { basic } from '../remote/resource-parts.ts'
import { js } from './parts.ts'

const STORED = { _id: 's1', _rev: '4', sn: 'old', roles: [{ _ref: 'managed/role/r1' }] }
const USER = 'external/idm/two/managed/user/s1'

/** OpenIDM empties the roles of a user whose PUT has no `_id`, and compares a `_rev` in the body. */
describe('an object of a remote that a script writes back', () => {
  ownedBySuite()
  let remote: Remote
  let gateway: Awaited<ReturnType<typeof startGateway>>

  before(async () => {
    remote = await startRemote({ behaviour: reply({ body: STORED }) })
    gateway = await startGateway({
      plugins: [join(import.meta.dirname, '../..')],
      conf: {
        'external.idm-two.json': basic(remote.url),
        'router.json': {
          filters: [
            { pattern: 'external/idm/two/.*', methods: ['update'], onRequest: js('request.content.seen = true') },
          ],
        },
      },
    })
  })

  const sent = () => ({ match: remote.last.headers['if-match'], body: JSON.parse(remote.last.text) as JsonObject })

  for (const [rev, match] of [
    ['u._rev', '"4"'],
    ['null', '*'],
  ])
    it(`goes out as the script has it, with the revision ${rev}`, async () => {
      const source = `var u = openidm.read("${USER}"); u.sn = "new"; openidm.update("${USER}", ${rev}, u)`
      const { status, text } = await gateway.call('/script?_action=eval', { method: 'POST', json: js(source) })
      assert.equal(status, 200, text)
      assert.deepEqual(sent(), { match, body: { ...STORED, sn: 'new', seen: true } })
    })

  it('goes out with what the caller sent when a filter passes a PUT on', async () => {
    const headers = { ...ADMIN, 'if-match': '"4"' }
    const { status, text } = await gateway.call(`/${USER}`, { method: 'PUT', headers, json: STORED })
    assert.equal(status, 200, text)
    assert.deepEqual(sent(), { match: '"4"', body: { ...STORED, seen: true } })
  })
})
