import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { ANONYMOUS, type TestGateway } from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { type FakeIdm, fakeIdm, foreign } from '../helpers/fake-idm/fake-idm.ts'
import { FORMS, startOn } from './projects.ts'

const AMIRA = { userName: 'amira', givenName: 'Amira', sn: 'Nour', mail: 'Amira@Example.com', password: 'Pass-word1' }
const AS_AMIRA = { 'x-openidm-username': 'amira', 'x-openidm-password': 'Pass-word1' }

/** What cannot be in force; everything else that is not has no effect by design. */
const FAULTS: Readonly<Record<(typeof FORMS)[number][0], readonly string[]>> = {
  'stock-6.5': [
    'endpoint-clash.json context',
    'endpoint-report.json',
    'managed.json objects 2 onUpdate',
    'schedule-taskscan.json invokeService',
    'sync.json mappings 2',
  ],
  'stock-7.0': [
    'endpoint-clash.json context',
    'endpoint-report.json',
    'managed.json objects 3 onUpdate',
    'sync.json mappings 1',
  ],
  'stock-7.5': [
    'endpoint-clash.json context',
    'endpoint-report.json',
    'external.idm.json',
    'managed.json objects 3 onUpdate',
    'mapping-groovy.json',
    'router.json filters 3 onRequest',
  ],
  cloud: ['endpoint-report.json', 'managed.json objects 3 onUpdate', 'mapping-groovy.json'],
}

for (const [form, type] of FORMS)
  for (const withScripts of [false, true])
    describe(`a project of the form ${form} ${withScripts ? 'with' : 'without'} the scripts of IDM`, function () {
      this.timeout(60_000)
      ownedBySuite()
      let gateway: TestGateway
      let remote: FakeIdm
      before(async () => {
        remote = await fakeIdm()
        remote.seed('managed/user', [
          { _id: 'u1', userName: 'rami', givenName: 'Rami', sn: 'Saad', mail: 'r@example.com' },
        ])
        gateway = await startOn(form, withScripts, remote)
      })

      const ask = async (path: string, status: number, options: Parameters<TestGateway['call']>[1] = {}) => {
        const answer = await gateway.call(path, options)
        assert.equal(answer.status, status, `${path}: ${answer.text}`)
        return answer.json as JsonObject
      }
      const put = (path: string, status: number, json: object) => ask(path, status, { method: 'PUT', json })
      const post = (path: string, status: number, json: object) => ask(path, status, { method: 'POST', json })
      const noticesOf = (file: string) => gateway.gateway.notices.filter((notice) => notice.file === file)

      it('answers a ping of anyone, and tells who signs in', async () => {
        assert.equal((await ask('/info/ping', 200, { headers: ANONYMOUS })).state, 'ACTIVE_READY')
        assert.equal((await ask('/info/login', 200)).authenticationId, 'openidm-admin')
        assert.deepEqual(((await ask('/info/login', 200, { headers: ANONYMOUS })).authorization as JsonObject).roles, [
          'internal/role/openidm-reg',
        ])
      })

      it('refuses what the rules do not give', async () => {
        await ask(`/managed/${type}?_queryFilter=true`, 403, { headers: ANONYMOUS })
        await ask('/config', 403, { headers: ANONYMOUS })
        await ask('/external/idm/eu/managed/user/u1', 403, { headers: ANONYMOUS })
        await ask('/info/ping', 401, { headers: { ...ANONYMOUS, 'x-openidm-password': 'wrong' } })
      })

      it('forwards to a remote', async () => {
        assert.equal((await ask('/external/idm/eu/managed/user/u1', 200)).sn, 'Saad')
        assert.equal((await ask('/external/idm/eu/managed/user?_queryFilter=true', 200)).resultCount, 1)
        await put('/external/idm/eu/managed/user/u2', 201, {
          userName: 'mona',
          givenName: 'M',
          sn: 'H',
          mail: 'm@x.org',
        })
        await ask('/external/idm/eu/managed/user/u2', 200, { method: 'DELETE' })
        // Streamed as it is: no filter of IDM stands in between.
        remote.intercept('GET managed/user/u1', foreign('html', 200), { times: 1 })
        const page = await gateway.call('/external/idm/eu/managed/user/u1')
        assert.deepEqual([page.status, /^</.test(page.text)], [200, true])
        const { result } = await ask('/external/idm?_queryFilter=_id+eq+"eu"', 200)
        assert.equal((result as JsonObject[])[0]?.state, 'READY')
      })

      it('keeps managed objects, judges their policies, and lets active users in', async () => {
        const { password } = await put(`/managed/${type}/amira`, 201, AMIRA)
        assert.equal(password, undefined)
        const again = await put(`/managed/${type}/other`, 403, AMIRA)
        assert.match(JSON.stringify(again), /UNIQUE/)
        await post(`/managed/${type}?_action=create`, 403, { ...AMIRA, userName: 'x', password: 'short' })
        const patch = [{ operation: 'replace', field: '/givenName', value: 'Amirah' }]
        const patched = await ask(`/managed/${type}/amira`, 200, { method: 'PATCH', json: patch })
        assert.equal(patched.givenName, 'Amirah')
        assert.equal(patched.accountStatus, 'active')
        const { result } = await ask(`/managed/${type}?_queryFilter=userName+eq+"amira"`, 200)
        assert.equal((result as unknown[]).length, 1)
        if (type !== 'user') return
        assert.equal((await ask('/info/login', 200, { headers: AS_AMIRA })).authenticationId, 'amira')
        assert.equal((await ask('/managed/user/amira', 200, { headers: AS_AMIRA })).userName, 'amira')
        await ask('/managed/user?_queryFilter=true', 403, { headers: AS_AMIRA })
        await ask('/managed/user/amira', 403, { headers: AS_AMIRA, method: 'PATCH', json: patch })
      })

      it('closes a type for writes whose own script is missing, and names it', async () => {
        const { message } = await put('/managed/device/d1', 503, { name: 'x' })
        assert.match(
          String(message),
          /managed\.json: objects\.\d\.onUpdate: The script file acme\/device\.js is in none/,
        )
        await ask('/managed/device?_queryFilter=true', 200)
      })

      it('serves its own endpoints, and names those that cannot be', async () => {
        assert.equal((await ask('/endpoint/com.acme.hello/amira', 200)).greeting, 'Hello amira')
        const { message } = await ask('/endpoint/report', 503)
        assert.match(String(message), /Java class java\.util\.UUID is not available/)
        const [clash] = noticesOf('endpoint-clash.json')
        if (type === 'user')
          assert.match(clash?.reason ?? '', /a route that is free; "managed\/user" is served already/)
        await ask('/endpoint/getprocessesforuser', 404)
      })

      it('has its mappings, except the one in Groovy', async () => {
        const mapping = await ask('/sync/mappings/toEu', 200)
        assert.equal(mapping.target, 'external/idm/eu/managed/user')
        const faults = gateway.gateway.notices.filter(({ reason }) => /Groovy/.test(reason))
        assert.equal(faults.length, 1)
        assert.equal(faults[0]?.consequence, 'it is not in force')
        await post('/recon?_action=recon&mapping=groovy', 409, {})
      })

      it('shows what a mapping would do, and writes nothing', async () => {
        const writes = remote.writes.length
        const { _id } = await post(
          '/recon?_action=recon&mapping=toEu&analyze=true&persistAssociations=true&waitForCompletion=true',
          200,
          {},
        )
        const run = await ask(`/recon/${String(_id)}`, 200)
        assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
        const { result } = await ask(`/recon/plan/${String(_id)}/entry?_queryFilter=true`, 200)
        assert.match(JSON.stringify(result), /"action":"CREATE"/)
        assert.match(JSON.stringify(result), /amira@example\.com/)
        assert.equal(remote.writes.length, writes)
      })

      it('lists its schedules', async () => {
        const { result } = await ask('/scheduler/job?_queryFilter=true', 200)
        assert.ok((result as JsonObject[]).some(({ _id }) => _id === 'toEu'))
      })

      it('shows its configuration as it stands in the files', async () => {
        const { configurations } = await ask('/config', 200)
        const ids = (configurations as JsonObject[]).map(({ _id }) => String(_id))
        for (const id of [
          'audit',
          'router',
          'managed',
          'ui/configuration',
          'repo.jdbc',
          'external.idm/eu',
          'endpoint/com.acme.hello',
        ])
          assert.ok(ids.includes(id), id)
        const router = await ask('/config/router', 200)
        assert.match(JSON.stringify(router), /router-authz/)
        const authentication = await ask('/config/authentication', 200)
        assert.doesNotMatch(JSON.stringify(authentication), /ZGF0YWRhdGFkYXRhZGF0YQ/)
        assert.match(JSON.stringify(await ask('/config/access', 200)), /ownDataOnly/)
      })

      it('runs scripts, and takes changes of its configuration', async () => {
        const script = { type: 'text/javascript', source: 'openidm.read("external/idm/eu/managed/user/u1").sn' }
        const { status, json } = await gateway.call('/script?_action=eval', { method: 'POST', json: script })
        assert.deepEqual([status, json], [200, 'Saad'])
        await put('/config/endpoint/added', 201, { type: 'text/javascript', source: '({ here: true })' })
        assert.equal((await ask('/endpoint/added', 200)).here, true)
        const { message } = await put('/config/endpoint/groovy', 400, { type: 'groovy', source: '1' })
        assert.match(String(message), /Groovy/)
      })

      it('deletes what it keeps', async () => {
        await ask(`/managed/${type}/amira`, 200, { method: 'DELETE' })
        await ask(`/managed/${type}/amira`, 404)
      })

      it('names what is not in force: of each file and key what it is and what to do', async () => {
        const { notices } = gateway.gateway
        assert.ok(notices.every(({ file, reason }) => file.endsWith('.json') && reason !== ''))
        assert.match(
          noticesOf('router.json')
            .map(({ reason }) => reason)
            .join('\n'),
          /router-authz\.js stands for judging access\.json, which the gateway does itself/,
        )
        assert.match(
          noticesOf('access.json')
            .map(({ reason }) => reason)
            .join('\n'),
          /grants nothing: (?:restrictPatchToFields|delegatedAdmin)\(\) is not known/,
        )
        const faults = notices.filter(({ consequence }) => consequence !== undefined)
        assert.deepEqual(
          faults.map(({ file, pointer }) => [file, ...pointer].join(' ')).sort(),
          [...FAULTS[form]].sort(),
        )
      })
    })
