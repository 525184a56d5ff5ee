import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, stat, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { badRequest } from '../../lib/crest/errors.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { tempDir, tempDirWith, writeAtomically, writeConfigMap } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { Recorder, serveDirectory } from './parts.ts'

const UUID = /^external\.idm\.[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const EU = {
  authType: 'basic',
  instanceUrl: 'https://idm-eu.example.net:8443/openidm/',
  userName: 'svc-proxy',
  password: '&{remote.eu.password}',
}
const textOf = (dir: string, file: string) => readFile(join(dir, file), 'utf8')
const contentOf = async (dir: string, file: string) => JSON.parse(await textOf(dir, file)) as JsonObject

describe('config: the resource, as the vendor documents it', () => {
  it('seed page: lists the configurations', async () => {
    const dir = await tempDirWith({
      'external.idm-name1.json': {},
      'emailTemplate-welcome.json': {},
      'sync.json': { mappings: [] },
    })
    const { http } = await serveDirectory(dir)
    const headers = {
      'X-OpenIDM-Username': 'openidm-admin',
      'X-OpenIDM-Password': 'openidm-admin',
      'Accept-API-Version': 'resource=1.0',
    }
    const { body } = await http.get('/openidm/config/').set(headers).expect(200)
    assert.equal(body._id, '')
    assert.deepEqual(Object.keys(body), ['_id', 'configurations'])
    const [email, name1, sync] = body.configurations
    assert.deepEqual(Object.keys(name1), ['_id', 'pid', 'factoryPid'])
    assert.equal(email._id, 'emailTemplate/welcome')
    assert.equal(name1._id, 'external.idm/name1')
    assert.match(name1.pid, UUID)
    assert.equal(name1.factoryPid, 'external.idm')
    assert.deepEqual(sync, { _id: 'sync', pid: 'sync', factoryPid: null })
    assert.deepEqual((await http.get('/openidm/config').expect(200)).body, body)
  })

  it('pids stay the same over a restart', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': {} })
    const pids: string[] = []
    for (let start = 0; start < 2; start++) {
      const { http, directory } = await serveDirectory(dir)
      pids.push((await http.get('/openidm/config')).body.configurations[0].pid)
      await directory.close()
    }
    assert.equal(pids[0], pids[1])
  })

  it('AIC page: _queryFilter=_id+sw+"external.idm/" finds the proxies', async () => {
    const { http } = await serveDirectory(await tempDirWith({ 'external.idm-eu.json': EU, 'sync.json': {} }))
    const { body } = await http.get('/openidm/config?_queryFilter=_id+sw+"external.idm/"').expect(200)
    assert.equal(body.resultCount, 1)
    assert.deepEqual(body.result[0], { _id: 'external.idm/eu', ...EU })
    const listed = await http
      .get('/openidm/config?_queryFilter=_id+sw+"external.idm/"&_fields=_id,pid,factoryPid')
      .expect(200)
    assert.match(listed.body.result[0].pid, UUID)
    assert.equal(listed.body.result[0].factoryPid, 'external.idm')
  })

  it('section 6: create by PUT, use, patch enabled, delete', async () => {
    const dir = await tempDir()
    const { http, consumer } = await serveDirectory(dir)
    const created = await http.put('/openidm/config/external.idm/eu').send(EU).expect(201)
    assert.deepEqual(created.body, { _id: 'external.idm/eu', ...EU })
    assert.equal(created.headers.etag, undefined)
    assert.match(created.headers.location ?? '', /\/openidm\/config\/external\.idm\/eu$/)
    assert.deepEqual(consumer.object('external.idm/eu')?.content, EU)

    const patch = [{ operation: 'replace', field: '/enabled', value: false }]
    const patched = await http.patch('/openidm/config/external.idm/eu').send(patch).expect(200)
    assert.deepEqual(patched.body, { _id: 'external.idm/eu', ...EU, enabled: false })
    assert.equal(consumer.object('external.idm/eu')?.content?.enabled, false)

    const removed = await http.delete('/openidm/config/external.idm/eu').expect(200)
    assert.deepEqual(removed.body, patched.body)
    assert.deepEqual(consumer.latest, [])
    assert.deepEqual(await readdir(dir), [])
    await http.get('/openidm/config/external.idm/eu').expect(404)
  })

  it('PUT is an upsert: 201 when new, 200 when replaced, 412 with If-None-Match: * on an existing one', async () => {
    const { http } = await serveDirectory(await tempDir())
    const put = (body: object, headers: Record<string, string> = {}) =>
      http.put('/openidm/config/external.idm/eu').set(headers).send(body)
    await put({ a: 1 }, { 'If-None-Match': '*' }).expect(201)
    await put({ a: 2 }).expect(200)
    await put({ a: 3 }, { 'If-None-Match': '*' }).expect(412)
    await put({ a: 4, _id: 'other', _rev: '7' }, { 'If-Match': '"7"' }).expect(200, { _id: 'external.idm/eu', a: 4 })
    await http.put('/openidm/config/external.idm/us').set('If-Match', '*').send({}).expect(404)
  })

  it('POST ?_action=create takes the id from the parameter, 400 without', async () => {
    const { http, dir } = await serveDirectory(await tempDir())
    const created = await http.post('/openidm/config/external.idm?_action=create&_id=eu').send({ a: 1 }).expect(201)
    assert.match(created.headers.location ?? '', /^http:\/\/127\.0\.0\.1:\d+\/openidm\/config\/external\.idm\/eu$/)
    const { body } = created
    assert.deepEqual(body, { _id: 'external.idm/eu', a: 1 })
    assert.deepEqual(await contentOf(dir, 'external.idm-eu.json'), { a: 1 })
    const refused = await http.post('/openidm/config/external.idm?_action=create').send({}).expect(400)
    assert.match(refused.body.message, /needs an id/)
    await http.post('/openidm/config/external.idm?_action=create&_id=eu').send({}).expect(412)
  })

  it('the hyphen form and the pid reach the same object, answered with the canonical id', async () => {
    const { http, dir } = await serveDirectory(await tempDir())
    await http
      .put('/openidm/config/external.idm-eu-west')
      .send({ a: 1 })
      .expect(201, { _id: 'external.idm/eu-west', a: 1 })
    const pid = (await http.get('/openidm/config')).body.configurations[0].pid
    await http.get(`/openidm/config/${pid}`).expect(200, { _id: 'external.idm/eu-west', a: 1 })
    await http.put(`/openidm/config/${pid}`).send({ a: 2 }).expect(200, { _id: 'external.idm/eu-west', a: 2 })
    assert.deepEqual(await readdir(dir), ['external.idm-eu-west.json'])
    await http.delete('/openidm/config/external.idm-eu-west').expect(200, { _id: 'external.idm/eu-west', a: 2 })
  })

  it('three path parts are no configuration id', async () => {
    const { http } = await serveDirectory(await tempDir())
    for (const request of [
      http.get('/openidm/config/external/idm/name1'),
      http.put('/openidm/config/external/idm/name1').send({}),
    ]) {
      const { body } = await request.expect(400)
      assert.match(body.message, /more than two parts/)
    }
  })

  it('S3: a name that would leave the directory is refused, and nothing is written', async () => {
    const root = await tempDirWith({ 'conf/sync.json': {}, 'secret.json': { a: 1 } })
    const { http, router } = await serveDirectory(join(root, 'conf'))
    const connection = connect(router, {})
    for (const path of [
      '..%2Fsecret',
      '%2e%2e%2fsecret',
      'external.idm/..',
      'a%00',
      'a%5Cb',
      'external.idm%2F..%2F..%2Fx',
      '..',
    ]) {
      const { status } = await http.put(`/openidm/config/${path}`).send({ a: 2 })
      assert.ok(status === 400 || status === 404, `${path}: ${status}`)
      await assert.rejects(connection.create('config', decodeURIComponent(path), { a: 2 }), { code: 400 })
    }
    assert.deepEqual(await readdir(root, { recursive: true }), ['conf', 'secret.json', 'conf/sync.json'])
  })

  it('any other object is stored and read the same way, over REST and from scripts', async () => {
    const { http, router, dir } = await serveDirectory(await tempDir())
    const openidm = connect(router, {})
    await http
      .put('/openidm/config/sync')
      .send({ mappings: [{ name: 'a' }] })
      .expect(201)
    assert.deepEqual(await openidm.create('config/custom', 'rates', { eur: 1 }), { _id: 'custom/rates', eur: 1 })
    assert.deepEqual(await openidm.read('config/custom/rates'), { _id: 'custom/rates', eur: 1 })
    assert.deepEqual(await openidm.update('config/custom/rates', null, { eur: 2 }), { _id: 'custom/rates', eur: 2 })
    assert.deepEqual(await openidm.delete('config/custom/rates', null), { _id: 'custom/rates', eur: 2 })
    assert.equal(await openidm.read('config/custom/rates'), null)
    await assert.rejects(openidm.update('config/custom/rates', null, {}), { code: 404 })
    assert.deepEqual(await readdir(dir), ['sync.json'])
  })

  it('actions, transform, queries by id and unknown parameters are refused by name', async () => {
    const { http } = await serveDirectory(await tempDirWith({ 'sync.json': {} }))
    await http.post('/openidm/config/sync?_action=reload').send({}).expect(501)
    const transform = [{ operation: 'transform', field: '/a', value: { script: {} } }]
    const { body } = await http.patch('/openidm/config/sync').send(transform).expect(501)
    assert.match(body.message, /transform/)
    await http.get('/openidm/config?_queryId=query-all-ids').expect(400)
    await http.get('/openidm/config/external.idm?_queryFilter=true').expect(400)
    await http.put('/openidm/config/sync?waitForCompletion=true').send({ a: 1 }).expect(200)
    await http.patch('/openidm/config/none').send([]).expect(404)
    await http.delete('/openidm/config/none').expect(404)
  })
})

describe('config: queries reach the content', () => {
  const files = {
    'external.idm-eu.json': EU,
    'external.idm-us.json': { ...EU, authType: 'bearer' },
    'sync.json': { mappings: [] },
  }

  it('filter, fields, sort keys and paging', async () => {
    const { http } = await serveDirectory(await tempDirWith(files))
    const query = async (parameters: string) => (await http.get(`/openidm/config?${parameters}`).expect(200)).body
    const bearer = await query('_queryFilter=authType+eq+"bearer"&_fields=_id,authType')
    assert.deepEqual(bearer.result, [{ _id: 'external.idm/us', authType: 'bearer' }])
    const instances = await query('_queryFilter=factoryPid+eq+"external.idm"&_sortKeys=-_id')
    assert.deepEqual(
      instances.result.map(({ _id }: JsonObject) => _id),
      ['external.idm/us', 'external.idm/eu'],
    )
    const whole = await query('_queryFilter=_id+eq+"external.idm/eu"&_fields=*')
    assert.deepEqual(
      { ...whole.result[0], pid: '' },
      { _id: 'external.idm/eu', ...EU, pid: '', factoryPid: 'external.idm' },
    )
    const page = await query('_queryFilter=true&_pageSize=2&_totalPagedResultsPolicy=EXACT')
    assert.deepEqual([page.resultCount, page.totalPagedResults], [2, 3])
    const next = await query(
      `_queryFilter=true&_pageSize=2&_pagedResultsCookie=${encodeURIComponent(page.pagedResultsCookie)}`,
    )
    assert.deepEqual(
      next.result.map(({ _id }: JsonObject) => _id),
      ['sync'],
    )
    await http
      .get('/openidm/config/external.idm/eu?_fields=authType')
      .expect(200, { _id: 'external.idm/eu', authType: 'basic' })
  })
})

describe('config: secrets are never shown', () => {
  const secret = { ...EU, password: 'canary-s3cret', http: { proxy: { password: 'canary-pr0xy' } } }
  const served = async () => serveDirectory(await tempDirWith({ 'external.idm-eu.json': secret }))

  it('whatever is asked, but as values that are encrypted for their place', async () => {
    const { http } = await served()
    const url = '/openidm/config/external.idm/eu'
    const patch = [{ operation: 'replace', field: '/enabled', value: true }]
    const answers = [
      await http.get(url),
      await http.get(`${url}?_fields=password,http/proxy`),
      await http.get('/openidm/config?_queryFilter=true&_fields=*'),
      await http.patch(url).send(patch),
      await http.put(url).send({ ...secret, enabled: false }),
      await http.delete(url),
    ]
    for (const { status, text } of answers) {
      assert.equal(status, 200, text)
      assert.ok(!text.includes('canary'), text)
      assert.match(text, /"password":\{"\$crypto":\{"type":"x-external-idm-encryption","value":\{.*"boundTo":/)
    }
  })

  it('kept when the mask is put back, by PUT and by PATCH of other fields', async () => {
    const { http, dir, consumer } = await served()
    const url = '/openidm/config/external.idm/eu'
    const { body } = await http.get(url)
    await http
      .put(url)
      .send({ ...body, userName: 'other' })
      .expect(200)
    assert.deepEqual(await contentOf(dir, 'external.idm-eu.json'), { ...secret, userName: 'other' })
    await http
      .patch(url)
      .send([{ operation: 'replace', field: 'userName', value: 'third' }])
      .expect(200)
    assert.deepEqual(await contentOf(dir, 'external.idm-eu.json'), { ...secret, userName: 'third' })
    assert.equal(consumer.object('external.idm/eu')?.content?.password, 'canary-s3cret')
    await http
      .patch(url)
      .send([{ operation: 'replace', field: 'password', value: 'new' }])
      .expect(200)
    assert.equal((await contentOf(dir, 'external.idm-eu.json')).password, 'new')
  })

  it('cannot be copied, moved or put back where they would be seen', async () => {
    const { http, dir } = await served()
    const url = '/openidm/config/external.idm/eu'
    const before = await textOf(dir, 'external.idm-eu.json')
    const { body } = await http.get(url)
    for (const patch of [
      [{ operation: 'copy', from: 'password', field: 'description' }],
      [{ operation: 'move', from: 'password', field: 'description' }],
      [{ operation: 'copy', from: 'http', field: 'copy' }],
    ]) {
      await http.patch(url).send(patch).expect(400)
    }
    await http
      .put(url)
      .send({ ...body, description: body.password })
      .expect(400)
    await http.put('/openidm/config/external.idm/thief').send(body).expect(400)
    await http.put('/openidm/config/custom/thief').send(body).expect(400)
    assert.equal(await textOf(dir, 'external.idm-eu.json'), before)
    assert.deepEqual(await readdir(dir), ['external.idm-eu.json'])
  })

  it('cannot be guessed with filters, sort keys or a remove by value', async () => {
    const { http, dir } = await served()
    for (const filter of [
      'password+sw+"canary"',
      'password+eq+"canary-s3cret"',
      'http/proxy/password+co+"pr0"',
      'password+gt+"a"',
    ]) {
      const { body } = await http.get(`/openidm/config?_queryFilter=${filter}`).expect(200)
      assert.equal(body.resultCount, 0, filter)
    }
    const { body } = await http.get('/openidm/config?_queryFilter=true&_sortKeys=password&_pageSize=1')
    assert.ok(!Buffer.from(String(body.pagedResultsCookie), 'base64').toString().includes('canary'))
    const patch = [{ operation: 'remove', field: 'password', value: 'canary-s3cret' }]
    await http.patch('/openidm/config/external.idm/eu').send(patch).expect(200)
    assert.equal((await contentOf(dir, 'external.idm-eu.json')).password, 'canary-s3cret')
  })
})

describe('config: file and REST are one truth', () => {
  it('keeps what the user wrote: expressions, order, indentation, line end, mode', async () => {
    const text = `{\n    "userName" : "a",\n    "password": "&{pw}",\n    "port": {"$int": "&{port|8443}"},\n    "authType": "basic"\n}`
    const dir = await tempDirWith({ 'external.idm-eu.json': text })
    await chmod(join(dir, 'external.idm-eu.json'), 0o640)
    const { http } = await serveDirectory(dir, { resolve: (content) => ({ ...content, password: 'resolved' }) })
    const body = { authType: 'bearer', port: { $int: '&{port|8443}' }, password: '&{pw}', userName: 'a', enabled: true }
    await http.put('/openidm/config/external.idm/eu').send(body).expect(200)
    assert.equal(
      await textOf(dir, 'external.idm-eu.json'),
      `{\n    "userName": "a",\n    "password": "&{pw}",\n    "port": {\n        "$int": "&{port|8443}"\n    },\n    "authType": "bearer",\n    "enabled": true\n}`,
    )
    assert.equal((await stat(join(dir, 'external.idm-eu.json'))).mode & 0o777, 0o640)
    await http.put('/openidm/config/external.idm/us').send({}).expect(201)
    assert.equal((await stat(join(dir, 'external.idm-us.json'))).mode & 0o777, 0o600)
  })

  it('does not touch the file when nothing changes', async () => {
    const text = '{"b":1,   "a":2}'
    const { http, dir } = await serveDirectory(await tempDirWith({ 'sync.json': text }))
    await http.put('/openidm/config/sync').send({ a: 2, b: 1 }).expect(200)
    assert.equal(await textOf(dir, 'sync.json'), text)
  })

  it('content that its owner refuses is answered with 400, naming the keys, before anything is written', async () => {
    const resolve = (content: JsonObject): JsonObject => {
      if (content.password === '&{none}') throw new Error('password: nothing defines &{none}')
      return content
    }
    const dir = await tempDirWith({ 'external.idm-eu.json': { authType: 'basic' } })
    const { http, consumer } = await serveDirectory(dir, { resolve })
    consumer.faultsOf = ({ authType }) => (authType === 'basic' ? [] : ['authType: expected basic or bearer'])
    const before = await textOf(dir, 'external.idm-eu.json')
    for (const [body, message] of [
      [{ authType: 'magic' }, 'The configuration external.idm/eu is not valid: authType: expected basic or bearer'],
      [
        { authType: 'basic', password: '&{none}' },
        'The configuration external.idm/eu is not valid: password: nothing defines &{none}',
      ],
    ] as const) {
      const refused = await http.put('/openidm/config/external.idm/eu').send(body).expect(400)
      assert.equal(refused.body.message, message)
      await http
        .patch('/openidm/config/external.idm/eu')
        .send([{ operation: 'replace', field: '', value: body }])
        .expect(400)
    }
    await http.put('/openidm/config/external.idm/new').send({ authType: 'magic' }).expect(400)
    assert.equal(await textOf(dir, 'external.idm-eu.json'), before)
    assert.deepEqual(await readdir(dir), ['external.idm-eu.json'])
  })

  it('a change that cannot be taken into force is taken back', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 } })
    const { http, consumer, directory, log } = await serveDirectory(dir)
    const before = await textOf(dir, 'external.idm-eu.json')
    consumer.onApply = (objects) => {
      if (objects.length !== 1 || objects[0]?.content?.a !== 1) throw new Error('inner reason')
    }
    const url = '/openidm/config/external.idm/eu'
    for (const request of [
      http.put(url).send({ a: 2 }),
      http.delete(url),
      http.put('/openidm/config/external.idm/us').send({}),
    ]) {
      const { body } = await request.expect(500)
      assert.match(body.message, /could not be taken into force, the previous one is back$/)
      assert.deepEqual(await readdir(dir), ['external.idm-eu.json'])
      assert.equal(await textOf(dir, 'external.idm-eu.json'), before)
      assert.equal(directory.failureOf('external.idm/eu'), undefined)
    }
    assert.match(log.text, /inner reason/)
    consumer.onApply = (objects) => {
      if (objects[0]?.content?.a !== 1) throw badRequest('objects.0: is in the way')
    }
    const { body } = await http.put(url).send({ a: 2 }).expect(400)
    assert.match(body.message, /is not valid: objects\.0: is in the way; the previous one is back$/)
    assert.equal(await textOf(dir, 'external.idm-eu.json'), before)
  })

  it('R7: a broken file shows its error, can be replaced and deleted, and keeps nobody from the others', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': '{"a":', 'external.idm-us.json': '{"b":', 'sync.json': {} })
    const { http } = await serveDirectory(dir)
    const error = 'external.idm-eu.json: line 1, column 6: the text ends too early'
    const { body } = await http.get('/openidm/config').expect(200)
    assert.equal(body.configurations[0].error, error)
    assert.equal(body.configurations[2].error, undefined)
    const read = await http.get('/openidm/config/external.idm/eu').expect(500)
    assert.equal(read.body.message, `The configuration external.idm/eu cannot be read: ${error}`)
    const patch = [{ operation: 'add', field: 'a', value: 1 }]
    await http.patch('/openidm/config/external.idm/eu').send(patch).expect(500)
    await http.put('/openidm/config/external.idm/eu').send({ a: 1 }).expect(200)
    await http.get('/openidm/config/external.idm/eu').expect(200, { _id: 'external.idm/eu', a: 1 })
    await http.delete('/openidm/config/external.idm/us').expect(200, { _id: 'external.idm/us' })
  })

  it('a patch appends a list to the one that is there', async () => {
    const { http } = await serveDirectory(await tempDirWith({ 'sync.json': { mappings: [{ name: 'a' }] } }))
    const patch = [{ operation: 'add', field: '/mappings', value: [{ name: 'b' }] }]
    const mappings = [{ name: 'a' }, { name: 'b' }]
    await http.patch('/openidm/config/sync').send(patch).expect(200, { _id: 'sync', mappings })
  })

  it('an edit by hand is seen by the next change, however soon', async () => {
    const dir = await tempDirWith({ 'sync.json': { n: 0 } })
    const { http } = await serveDirectory(dir)
    for (let n = 1; n <= 20; n++) {
      await writeAtomically(join(dir, 'sync.json'), { n })
      const patch = [{ operation: 'add', field: 'patched', value: n }]
      await http.patch('/openidm/config/sync').send(patch).expect(200, { _id: 'sync', n, patched: n })
    }
  })

  it('an edit by hand in the middle of a change is not lost; a file that never rests is a conflict', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { n: 0 } })
    const { http, consumer } = await serveDirectory(dir)
    const file = join(dir, 'external.idm-eu.json')
    let edits = 0
    consumer.faultsOf = () => {
      if (edits-- > 0) writeFileSync(file, JSON.stringify({ n: edits }))
      return []
    }
    const patch = (value: string) =>
      http.patch('/openidm/config/external.idm/eu').send([{ operation: 'add', field: 'patched', value }])
    edits = 3
    await patch('one').expect(200, { _id: 'external.idm/eu', n: 0, patched: 'one' })
    edits = 1000
    const { body } = await patch('two').expect(409)
    assert.match(body.message, /is being changed by another writer/)
    assert.deepEqual(await contentOf(dir, 'external.idm-eu.json'), { n: edits })
  })

  it('two writers never lose an update', async () => {
    const { http, dir, directory } = await serveDirectory(await tempDirWith({ 'sync.json': { n: 0 } }))
    const patch = [{ operation: 'increment', field: 'n', value: 1 }]
    await Promise.all(Array.from({ length: 50 }, () => http.patch('/openidm/config/sync').send(patch).expect(200)))
    assert.deepEqual(await contentOf(dir, 'sync.json'), { n: 50 })
    assert.deepEqual(directory.find('sync')?.raw, { n: 50 })
  })

  it('of creations at the same time one wins', async () => {
    const { http } = await serveDirectory(await tempDir())
    const create = () => http.put('/openidm/config/external.idm/eu').set('If-None-Match', '*').send({})
    const answers = await Promise.all(Array.from({ length: 8 }, create))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...new Array(7).fill(412)])
  })

  it('is in force when the answer comes, unless a consumer takes more than five seconds', async () => {
    const { http, directory, log } = await serveDirectory(await tempDir())
    const gate = Promise.withResolvers<void>()
    const slow = new Recorder('sync')
    await directory.subscribe(slow)
    slow.onApply = () => gate.promise
    await http.put('/openidm/config/sync').send({ a: 1 }).expect(201)
    assert.match(log.messages('warn').join(), /sync is stored but not yet in force after 5000 ms/)
    gate.resolve()
    await until(() => slow.object('sync'))
  })

  it('writes through a link inside the directory, refuses one that leads out', async () => {
    const dir = await tempDir()
    const outside = await tempDirWith({ 'target.json': { a: 1 } })
    await writeConfigMap(dir, { 'sync.json': { a: 1 } })
    await symlink(join(outside, 'target.json'), join(dir, 'other.json'))
    const { http } = await serveDirectory(dir)
    await http.put('/openidm/config/sync').send({ a: 2 }).expect(200)
    assert.deepEqual(await contentOf(dir, '..data/sync.json'), { a: 2 })
    const { body } = await http.put('/openidm/config/other').send({ a: 2 }).expect(403)
    assert.match(body.message, /other\.json is a link that leads out/)
    assert.deepEqual(await contentOf(outside, 'target.json'), { a: 1 })
  })

  it('what is no file is not written over, and what is too large is not written', async () => {
    const dir = await tempDir()
    await mkdir(join(dir, 'external.idm-dir.json'))
    const { http, router } = await serveDirectory(dir)
    const { body } = await http.put('/openidm/config/external.idm/dir').send({}).expect(409)
    assert.match(body.message, /it is not a regular file/)
    const large = { text: 'x'.repeat(4 * 1024 * 1024) }
    await assert.rejects(connect(router, {}).create('config', 'sync', large), { code: 413 })
  })

  it('keeps long numbers and members called as those of a prototype, in answers and in the file', async () => {
    const { http, dir } = await serveDirectory(await tempDir())
    const members =
      '"a":{"__proto__":{"polluted":1},"constructor":12345678901234567890},"b":[1e400,0.1000000000000000000001]'
    const put = await http.put('/openidm/config/sync').type('json').send(`{${members}}`).expect(201)
    assert.ok(put.text.includes(members), put.text)
    const operations = '[{"operation":"add","field":"/__proto__/polluted","value":9007199254740993}]'
    const patched = await http.patch('/openidm/config/sync').type('json').send(operations).expect(200)
    const all = `${members},"__proto__":{"polluted":9007199254740993}`
    assert.ok(patched.text.includes(all), patched.text)
    assert.ok((await http.get('/openidm/config/sync').expect(200)).text.includes(all))
    assert.equal((await readFile(join(dir, 'sync.json'), 'utf8')).replace(/\s/g, ''), `{${all}}`)
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  it('what could not be read back is not written, whoever asks', async () => {
    const { router, dir } = await serveDirectory(await tempDir())
    const deep = JSON.parse(`{"a":${'['.repeat(600)}${']'.repeat(600)}}`)
    await assert.rejects(connect(router, {}).create('config', 'sync', deep), { code: 400, message: /nested/ })
    assert.deepEqual(await readdir(dir), [])
  })

  it('taking back does not undo what somebody else wrote meanwhile', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 } })
    const { http, consumer, directory } = await serveDirectory(dir)
    consumer.onApply = async (objects) => {
      const { a } = objects[0]?.content ?? {}
      if (a === 2) await writeAtomically(join(dir, 'external.idm-eu.json'), { a: 3 })
      if (a !== 1) throw new Error('inner reason')
    }
    await http.put('/openidm/config/external.idm/eu').send({ a: 2 }).expect(500)
    consumer.onApply = () => undefined
    directory.invalidate()
    await until(() => consumer.object('external.idm/eu')?.content?.a === 3)
    assert.deepEqual(await contentOf(dir, 'external.idm-eu.json'), { a: 3 })
  })

  it('the drafts of a process that died are no objects and are swept away', async () => {
    const draft = '.sync.json.0123456789abcdef.draft'
    const dir = await tempDirWith({ [draft]: '{"half":' })
    const old = new Date(Date.now() - 120_000)
    await utimes(join(dir, draft), old, old)
    const { http, directory } = await serveDirectory(dir)
    assert.deepEqual(directory.objects(), [])
    await http.put('/openidm/config/sync').send({}).expect(201)
    assert.deepEqual(await readdir(dir), ['sync.json'])
  })
})
