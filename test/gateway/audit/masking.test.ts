import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { inClear } from '../../canary/configuration.ts'
import { Canaries } from '../../canary/scenario.ts'
import { writings } from '../../canary/start-host.ts'
import { fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../helpers/until.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { PASSWORD } from '../parts.ts'
import { ALL_TOPICS, startAudited } from './stage.ts'

const CANARY = 'Canary-0815-x'

const managed = {
  objects: [
    {
      name: 'user',
      schema: {
        properties: {
          userName: { type: 'string' },
          password: { type: 'string', isProtected: true, scope: 'private' },
          note: { type: 'string', encryption: { purpose: 'idm.password.encryption' } },
          hidden: { type: 'string', scope: 'private' },
          apiKey: { type: 'string' },
        },
      },
    },
  ],
}

describe('secrets in the audit', () => {
  it('are in no topic, whatever is changed, asked for, and carried out', async () => {
    const canaries = new Canaries()
    const remote = await fakeIdm()
    remote.seed('managed/user', [])
    const mapping = {
      name: 'people',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      properties: [
        { source: 'userName', target: 'userName' },
        { source: 'apiKey', target: 'apiKey' },
      ],
      policies: [{ situation: 'ABSENT', action: 'CREATE' }],
    }
    const { call, project } = await startAudited({
      'managed.json': managed,
      'external.idm-eu.json': basicOf(remote.remote),
      'sync.json': { mappings: [mapping] },
    })
    const send = (path: string, method: string, json?: unknown) =>
      call(path, { method, ...(json !== undefined && { json }) })
    for (const [id, content] of inClear(canaries)) await send(`/config/${id}`, 'PUT', content)
    await send('/config/external.idm/new', 'PUT', { ...basicOf(remote.remote), password: canaries.password })
    await send('/config/external.idm/new', 'DELETE')
    const person = { userName: 'a', password: CANARY, note: CANARY, hidden: CANARY, apiKey: CANARY }
    assert.equal((await send('/managed/user/1', 'PUT', person)).status, 201)
    await send('/managed/user/1', 'PATCH', [{ operation: 'replace', field: 'note', value: `${CANARY}2` }])
    await send('/internal/user/bo', 'PUT', { password: CANARY, roles: [] })
    await send(`/managed/user/1?password=${CANARY}`, 'GET')
    await call('/info/login', { headers: { 'x-openidm-username': 'bo', 'x-openidm-password': `${CANARY}3` } })
    await send('/recon?_action=recon&mapping=people&waitForCompletion=true', 'POST')
    await send('/script?_action=eval', 'POST', { type: 'text/javascript', source: `"${CANARY}"` })
    await send('/sync?_action=performAction&mapping=people&sourceId=1&action=UPDATE', 'POST')
    await send('/managed/user/1', 'DELETE')
    const text = await until(async () => {
      const dir = join(project.dir, 'audit')
      const files = await readdir(dir)
      const all = (await Promise.all(files.map((name) => readFile(join(dir, name), 'utf8')))).join('')
      return files.length === ALL_TOPICS.length && /"operation":"DELETE","before":\{"userName":"a"/.test(all) && all
    })
    assert.match(text, /"apiKey":"\*{8}"/)
    assert.deepEqual(canaries.foundIn(text), [])
    for (const secret of [CANARY, PASSWORD])
      for (const one of writings(secret, 'openidm-admin', 'bo')) assert.ok(!text.includes(one))
    assert.doesNotMatch(text, /\$crypto/)
    assert.ok(
      text
        .split('\n')
        .filter(Boolean)
        .every((line) => typeof (JSON.parse(line) as JsonObject)._id === 'string'),
    )
  })
})
