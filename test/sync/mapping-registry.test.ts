import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { typedCommand } from './command-stage.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway } from './gateways.ts'

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const of = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  source: 'external/idm/eu/managed/user',
  target: 'external/idm/us/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  ...more,
})
const unnamed = ({ name: _, ...rest }: JsonObject): JsonObject => rest
const withTransform = (source: string): JsonObject => ({
  properties: [
    { source: 'userName', target: 'userName' },
    { target: 'sn', transform: js(source) },
  ],
})
const BROKEN = withTransform('source.sn +')
const WELL = withTransform('"sn"')

describe('mappings with a fault', () => {
  let eu: RemoteIdm
  let us: RemoteIdm

  beforeEach(async () => {
    eu = await startRemoteIdm()
    us = await startRemoteIdm()
    await eu.connection.create('managed/user', '1', { userName: 'one' })
  })

  const start = (mappings: readonly JsonObject[], conf: Record<string, unknown> = {}) =>
    startSyncGateway({ eu, us }, mappings, conf)

  const recon = async (gateway: TestGateway, mapping: string) => {
    const { status, json } = await gateway.call(`/recon?_action=recon&mapping=${mapping}&waitForCompletion=true`, {
      method: 'POST',
    })
    return { status, message: String((json as JsonObject).message ?? '') }
  }
  const put = async (gateway: TestGateway, id: string, json: Json) => {
    const answer = await gateway.call(`/config/${id}`, { method: 'PUT', json })
    return { status: answer.status, message: String((answer.json as JsonObject).message ?? '') }
  }
  const errors = async (gateway: TestGateway): Promise<Record<string, string>> => {
    const { json } = await gateway.call('/sync/mappings?_queryFilter=true')
    const { result } = json as { result: JsonObject[] }
    return Object.fromEntries(result.map(({ _id, error }) => [String(_id), error === undefined ? '' : String(error)]))
  }
  const errorLines = ({ log }: TestGateway): string[] =>
    log.entries.filter(({ level }) => level === 50 || level === 'error').map(({ msg }) => String(msg))

  const SYNTAX = /properties\.1\.transform: .*SyntaxError.* at line number 1/

  it('in a file: the others work, and the bad one is named wherever it is asked for', async () => {
    const gateway = await start([of('good'), of('bad', BROKEN), of('worse', { target: 5 })])
    assert.equal((await recon(gateway, 'good')).status, 200)
    const bad = await recon(gateway, 'bad')
    assert.equal(bad.status, 409)
    assert.match(bad.message, /^The mapping bad is not in force: .*sync\.json: mappings\.1: mapping bad: /)
    assert.match(bad.message, SYNTAX)
    assert.match((await recon(gateway, 'worse')).message, /sync\.json: mappings\.2: mapping worse: target: must be/)
    const listed = await errors(gateway)
    assert.deepEqual(Object.keys(listed), ['good', 'bad', 'worse'])
    assert.equal(listed.good, '')
    assert.match(listed.bad ?? '', SYNTAX)
    const read = await gateway.call('/sync/mappings/bad')
    assert.match(String((read.json as JsonObject).error), SYNTAX)
    assert.equal(errorLines(gateway).filter((line) => SYNTAX.test(line)).length, 1)
  })

  it('keeps its old runs: those of a mapping that was removed go', async () => {
    const gateway = await start([of('good', { keepRuns: 1, keepBefore: false }), of('bad', BROKEN)])
    const database = new DatabaseSync(join(gateway.project.db, 'openidm.db'))
    onCleanUp(() => database.close())
    const content = JSON.stringify({ ended: '2020-01-01T00:00:00.000Z' })
    for (const mapping of ['bad', 'removed'])
      database
        .prepare('insert into run (id, mapping, state, is_analysis, persists, content) values (?, ?, ?, 0, 0, ?)')
        .run(mapping, mapping, 'SUCCESS', content)
    await recon(gateway, 'good')
    await recon(gateway, 'good')
    const mappings = () => database.prepare('select mapping from run order by mapping').all()
    await until(() =>
      isDeepStrictEqual(
        mappings().map(({ mapping }) => mapping),
        ['bad', 'good'],
      ),
    )
  })

  it('in a file that was well: the last good one stays in force, and its fault is told', async () => {
    const gateway = await start([of('m', WELL), of('other')])
    await writeFiles(gateway.project.conf, { 'sync.json': { mappings: [of('m', BROKEN), of('other', { icon: 'x' })] } })
    await until(async () => (await errors(gateway)).m !== '')
    assert.match((await errors(gateway)).m ?? '', SYNTAX)
    assert.equal((await recon(gateway, 'm')).status, 200)
    const [user] = (await us.connection.query('managed/user', { _queryFilter: 'true' })).result
    assert.deepEqual([user?.userName, user?.sn], ['one', 'sn'])
    assert.ok(errorLines(gateway).some((line) => SYNTAX.test(line) && line.endsWith('; what was in force stays')))
    await writeFiles(gateway.project.conf, { 'sync.json': { mappings: [of('m', WELL), of('other')] } })
    await until(async () => (await errors(gateway)).m === '')
  })

  it('over REST they are refused, and nothing is written', async () => {
    const gateway = await start([of('m', WELL)])
    const refused = await put(gateway, 'sync', { mappings: [of('m', WELL), of('bad', BROKEN)] })
    assert.equal(refused.status, 400)
    assert.match(refused.message, /^The configuration sync is not valid: mappings\.1 \(bad\): /)
    assert.match(refused.message, SYNTAX)
    const single = await put(gateway, 'mapping/one', unnamed(of('one', BROKEN)))
    assert.equal(single.status, 400)
    assert.match(single.message, SYNTAX)
    assert.deepEqual(await errors(gateway), { m: '' })
    assert.equal((await gateway.call('/config/mapping/one')).status, 404)
  })

  const SCRIPTS: readonly (readonly [key: string, more: JsonObject])[] = [
    ['validSource', { validSource: js('(') }],
    ['validTarget', { validTarget: js('(') }],
    ['sourceCondition', { sourceCondition: js('(') }],
    ['linkQualifiers', { linkQualifiers: js('(') }],
    ['correlationScript', { correlationScript: js('(') }],
    ['correlationQuery \\(default\\)', { correlationQuery: js('(') }],
    ['correlationQuery \\(b\\)', { correlationQuery: [{ linkQualifier: 'b', ...js('(') }] }],
    ['properties\\.0\\.condition', { properties: [{ target: 'a', condition: js('(') }] }],
    ['policies\\.0\\.action', { policies: [{ situation: 'FOUND', action: js('(') }] }],
    ['policies\\.0\\.condition', { policies: [{ situation: 'FOUND', action: 'LINK', condition: js('(') }] }],
    ['policies\\.0\\.postAction', { policies: [{ situation: 'FOUND', action: 'LINK', postAction: js('(') }] }],
    ...[
      'onCreate',
      'onUpdate',
      'onDelete',
      'onLink',
      'onUnlink',
      'onError',
      'onMapping',
      'postMapping',
      'onRecon',
      'result',
    ].map((hook) => [hook, { [hook]: js('(') }] as const),
  ]
  it('each of its scripts is compiled', async () => {
    const gateway = await start([])
    for (const [key, more] of SCRIPTS) {
      const { status, message } = await put(gateway, 'mapping/m', unnamed(of('m', more)))
      assert.equal(status, 400, key)
      assert.match(message, new RegExp(`: ${key}: .*SyntaxError.* at line number 1`))
    }
  })

  it('a script file that is missing is a fault, until it is there', async () => {
    const file = { type: 'text/javascript', file: 'sync/name.js' }
    const mapping = of('m', { properties: [{ source: 'userName', target: 'userName', transform: file }] })
    const gateway = await start([mapping])
    const missing = /properties\.0\.transform: The script file sync\/name\.js is in none of the script directories/
    assert.match((await recon(gateway, 'm')).message, missing)
    assert.match((await put(gateway, 'mapping/n', unnamed({ ...mapping, name: 'n' }))).message, missing)
    await writeFiles(gateway.project.script, { 'sync/name.js': 'source.toUpperCase()' })
    assert.equal((await recon(gateway, 'm')).status, 200)
    const { result } = await us.connection.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual(
      result.map(({ userName }) => userName),
      ['ONE'],
    )
  })

  describe('that share a name', () => {
    const TAKEN = /there is more than one mapping "m": .*sync\.json: mappings\.\d.* and .*; none of them is in force/

    it('in sync.json and in a file of its own: neither is in force', async () => {
      const gateway = await start([of('m'), of('other')], { 'mapping-m.json': unnamed(of('m', { taskThreads: 1 })) })
      const { status, message } = await recon(gateway, 'm')
      assert.equal(status, 409)
      assert.match(message, TAKEN)
      assert.match(message, /sync\.json: mappings\.0 and mapping-m\.json/)
      assert.equal((await recon(gateway, 'other')).status, 200)
      assert.match((await errors(gateway)).m ?? '', TAKEN)
      assert.ok(errorLines(gateway).some((line) => TAKEN.test(line)))
    })

    it('the same mapping in both forms is one mapping, as tools leave it that move it', async () => {
      const gateway = await start([of('m')], { 'mapping-m.json': { ...unnamed(of('m')), syncAfter: [] } })
      assert.equal((await recon(gateway, 'm')).status, 200)
      const listed = (await gateway.call('/sync/mappings?_queryFilter=true')).json as JsonObject
      assert.equal(listed.resultCount, 1)
    })

    it('twice in sync.json: neither is in force', async () => {
      const gateway = await start([of('m'), of('other'), of('m', WELL)])
      assert.match((await recon(gateway, 'm')).message, /sync\.json: mappings\.0 and sync\.json: mappings\.2/)
      assert.equal((await recon(gateway, 'other')).status, 200)
    })

    it('one of which was in force: it is no longer, and is again when it is alone', async () => {
      const gateway = await start([of('m')])
      assert.equal((await recon(gateway, 'm')).status, 200)
      await writeFiles(gateway.project.conf, { 'mapping-m.json': unnamed(of('m', BROKEN)) })
      await until(async () => (await recon(gateway, 'm')).status === 409)
      assert.match((await recon(gateway, 'm')).message, TAKEN)
      await rm(join(gateway.project.conf, 'mapping-m.json'))
      await until(async () => (await recon(gateway, 'm')).status === 200)
    })

    it('the last good state of a broken one is not in force afterwards', async () => {
      const gateway = await start([of('m')])
      await writeFiles(gateway.project.conf, { 'sync.json': { mappings: [of('m', BROKEN)] } })
      await until(async () => (await errors(gateway)).m !== '')
      await writeFiles(gateway.project.conf, { 'mapping-m.json': unnamed(of('m')) })
      await until(async () => TAKEN.test((await errors(gateway)).m ?? ''))
      await rm(join(gateway.project.conf, 'mapping-m.json'))
      await until(async () => SYNTAX.test((await errors(gateway)).m ?? ''))
      assert.equal((await recon(gateway, 'm')).status, 409)
    })

    it('over REST they are refused', async () => {
      const gateway = await start([of('m')], { 'mapping-n.json': unnamed(of('n')) })
      const taken: readonly (readonly [id: string, content: Json])[] = [
        ['mapping/m', unnamed(of('m', { taskThreads: 1 }))],
        ['sync', { mappings: [of('m'), of('n', { taskThreads: 1 })] }],
        ['sync', { mappings: [of('m'), of('m')] }],
      ]
      for (const [id, content] of taken) {
        const { status, message } = await put(gateway, id, content)
        assert.equal(status, 400)
        assert.match(message, /there is more than one mapping "[mn]": .* and /)
      }
      assert.equal((await put(gateway, 'sync', { mappings: [of('m', { icon: 'x' })] })).status, 200)
      assert.equal((await put(gateway, 'mapping/n', unnamed(of('n', { icon: 'x' })))).status, 200)
    })
  })

  it('the commands name them', async () => {
    const gateway = await start([of('good'), of('bad', BROKEN)], {
      'mapping-good.json': unnamed(of('good', { taskThreads: 1 })),
    })
    const { stdout } = await typedCommand(gateway.url, ['recon', 'mappings'])
    assert.match(stdout, /^good: .* → .*\n {2}fault: there is more than one mapping "good"/)
    assert.match(
      stdout,
      /\nbad: .* → .*\n {2}fault: .*sync\.json: mappings\.1: mapping bad: properties\.1\.transform: /,
    )
    const check = await typedCommand(undefined, ['check', '--conf', gateway.project.conf])
    assert.equal(check.code, 1)
    assert.match(check.stdout, /2 of 2 instances well\n/)
    assert.match(check.stdout, SYNTAX)
    assert.match(check.stdout, /there is more than one mapping "good"/)
    const { stdout: json } = await typedCommand(undefined, ['check', '--json', '--conf', gateway.project.conf])
    const names = (JSON.parse(json) as JsonObject[]).map(({ name, ok }) => [name, ok])
    assert.deepEqual(names, [
      ['eu', true],
      ['us', true],
      ['mapping/good', false],
      ['mapping/bad', false],
    ])
    await rm(join(gateway.project.conf, 'mapping-good.json'))
    await writeFiles(gateway.project.conf, { 'sync.json': { mappings: [of('good')] } })
    assert.equal((await typedCommand(undefined, ['check', '--conf', gateway.project.conf])).code, 0)
  })

  it('a file that cannot be read is named too', async () => {
    const gateway = await start([of('good')], { 'mapping-m.json': '{ "source": ' })
    assert.match((await recon(gateway, 'm')).message, /^The mapping m is not in force: mapping-m\.json: /)
    assert.equal((await recon(gateway, 'good')).status, 200)
  })
})
