import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../lib/contract.ts'
import { mappingNotices, TOLERATED } from '../../lib/sync/mapping/mapping.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { writeAtomically } from '../helpers/files.ts'
import { readPage } from '../helpers/markdown.ts'
import { until } from '../helpers/until.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway, writes } from './gateways.ts'

/** Every property of a mapping that the documentation has. */
const DOCUMENTED = `name source target displayName icon properties policies links enableLinking enableSync syncAfter
  consentRequired linkQualifiers correlationQuery correlationScript validSource validTarget sourceCondition sourceQuery
  targetQuery sourceQueryFullEntry targetQueryFullEntry defaultSourceFields defaultTargetFields runTargetPhase
  allowEmptySourceSet correlateEmptyTargetSet prefetchLinks taskThreads feedSize reconSourceQueryPaging
  reconSourceQueryPageSize reconTargetQueryPaging reconTargetQueryPageSize reconProgressStateUpdateInterval
  reconAssociation keepRuns clusteredSourceReconEnabled sourceIdsCaseSensitive targetIdsCaseSensitive triggerSyncProperties
  queuedSync optimizeAssignmentSync onCreate onUpdate onDelete onLink onUnlink onError onMapping postMapping onRecon
  result`.split(/\s+/)

describe('the documented properties of a mapping', () => {
  it('are known, all of them', () => {
    for (const name of DOCUMENTED) assert.deepEqual(mappingNotices({ [name]: null }), [], name)
  })

  it('that have no effect here are those of the configuration reference', () => {
    const reference = readPage('docs/configuration-reference.md')
    const [, list = ''] = /Tolerated without effect: ([^.]+)\./.exec(reference) ?? []
    const named = [...list.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
    const tolerated = DOCUMENTED.filter((name) => TOLERATED.has(name) || name === 'displayName')
    assert.deepEqual(named.sort(), tolerated.sort())
  })
})

const SOURCE = 'external/idm/eu/managed/user'
const TARGET = 'external/idm/us/managed/user'
const BASE: JsonObject = {
  name: 'm',
  source: SOURCE,
  target: TARGET,
  properties: ['userName', 'mail'].map((name) => ({ source: name, target: name })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
}

/** Each between two remotes that have `users`. */
describe('a property of a mapping has its effect between gateways', () => {
  let eu: RemoteIdm
  let us: RemoteIdm
  let gateway: TestGateway

  async function stage(mapping: JsonObject, users: readonly string[] = ['a', 'b', 'c'], more: JsonObject[] = []) {
    ;[eu, us] = [await startRemoteIdm(), await startRemoteIdm()]
    gateway = await startSyncGateway({ eu, us }, [{ ...BASE, ...mapping }, ...more])
    for (const id of users)
      await eu.connection.create('managed/user', id, { userName: id, mail: `${id}@x`, city: 'Oslo' })
  }
  const recon = async (body: JsonObject | null = null, name = 'm', more = '') => {
    const path = `/recon?_action=recon&mapping=${name}&waitForCompletion=true&persistAssociations=true${more}`
    const started = await gateway.call(path, { method: 'POST', ...(body && { json: body }) })
    assert.equal(started.status, 200, started.text)
    return (await gateway.call(`/recon/${String((started.json as JsonObject)._id)}`)).json as JsonObject
  }
  const situations = (run: JsonObject) =>
    Object.fromEntries(Object.entries(run.situationSummary as JsonObject).filter(([, count]) => count !== 0))
  const links = async () =>
    ((await gateway.call('/repo/link?_queryFilter=true')).json as { result: JsonObject[] }).result
  const targets = async () => (await us.connection.query('managed/user', { _queryFilter: 'true' })).result
  /** Values of a parameter in the requests that a remote got. */
  const asked = ({ requests }: RemoteIdm, parameter: string) =>
    requests.flatMap((line) =>
      new URL(line.split(' ')[1] ?? '', 'http://x').searchParams
        .getAll(parameter)
        .map((value) => value.replaceAll('/', '')),
    )

  it('enableLinking: false keeps no links, and looks at each source as an unlinked one', async () => {
    await stage({ enableLinking: false, correlateEmptyTargetSet: true })
    assert.deepEqual(situations(await recon()), { ABSENT: 3 })
    assert.deepEqual(situations(await recon()), { FOUND: 3 })
    assert.deepEqual(await links(), [])
  })

  it('linkQualifiers: a target for each', async () => {
    const suffixed = { type: 'text/javascript', source: 'source + "-" + linkQualifier' }
    const properties = [{ source: 'userName', target: 'userName', transform: suffixed }]
    await stage({ linkQualifiers: ['default', 'admin'], properties }, ['a'])
    await recon()
    assert.deepEqual((await targets()).map(({ userName }) => userName).sort(), ['a-admin', 'a-default'])
    assert.deepEqual((await links()).map(({ linkQualifier }) => linkQualifier).sort(), ['admin', 'default'])
  })

  it('links: those of the reverse mapping; others are refused by name', async () => {
    const reverse = { ...BASE, name: 'back', source: TARGET, target: SOURCE, links: 'm' }
    const lost = { ...BASE, name: 'lost', links: 'nobody' }
    const stranger = { ...BASE, name: 'stranger', target: 'external/idm/us/managed/alpha_user', links: 'm' }
    await stage({}, ['a', 'b'], [reverse, lost, stranger])
    await recon()
    assert.deepEqual(situations(await recon(null, 'back')), { CONFIRMED: 2 })
    const refusal = async (name: string) => {
      const answer = await gateway.call(`/recon?_action=recon&mapping=${name}`, { method: 'POST' })
      return [answer.status, (answer.json as JsonObject).message]
    }
    assert.deepEqual(await refusal('lost'), [409, 'Mapping lost: links: there is no mapping "nobody"'])
    const message = 'Mapping stranger: links: mapping "m" is not between the same two resources'
    assert.deepEqual(await refusal('stranger'), [409, message])
  })

  it('reconSourceQueryPageSize and reconTargetQueryPageSize: pages of that size', async () => {
    await stage({ reconSourceQueryPageSize: 2, reconTargetQueryPageSize: 1 })
    await recon()
    await recon()
    assert.deepEqual(new Set(asked(eu, '_pageSize')), new Set(['2']))
    assert.deepEqual(new Set(asked(us, '_pageSize')), new Set(['1']))
    assert.equal(asked(us, '_pagedResultsCookie').length, 2)
  })

  it('defaultSourceFields and defaultTargetFields: what is asked for', async () => {
    await stage({ defaultSourceFields: ['userName', '_id', '_rev'], defaultTargetFields: 'userName,_id,_rev' })
    await us.connection.create('managed/user', 't', { userName: 'a' })
    const run = await recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
    for (const remote of [eu, us])
      assert.deepEqual(new Set(asked(remote, '_fields')), new Set(['userName,_id,_rev,mail']))
    assert.deepEqual((await targets()).map(({ mail }) => mail).sort(), ['a@x', 'b@x', 'c@x'])
  })

  it('sourceQueryFullEntry: false has each source read; true takes entries as they come', async () => {
    await stage({ sourceQuery: { _queryFilter: 'true', _fields: 'userName,_id,_rev' }, sourceQueryFullEntry: true })
    await recon()
    assert.deepEqual(asked(eu, '_fields'), ['userName,_id,_rev,mail'])
    await recon({ sourceQueryFullEntry: false })
    assert.equal(asked(eu, '_fields').length, 3)
    assert.deepEqual((await targets()).map(({ mail }) => mail).sort(), ['a@x', 'b@x', 'c@x'])
  })

  it('targetQueryFullEntry: false has each target read before it is written', async () => {
    const targetQuery = { _queryFilter: 'true', _fields: 'userName,_id,_rev' }
    await stage({ targetQuery, targetQueryFullEntry: false }, ['a'])
    await us.connection.create('managed/user', 't', { userName: 'a', mail: 'old', city: 'Bergen' })
    assert.deepEqual(situations(await recon()), { FOUND: 1 })
    const [{ mail, city } = {}] = await targets()
    assert.deepEqual([mail, city], ['a@x', 'Bergen'])
  })

  const PARTIAL: Readonly<Record<string, JsonObject>> = {
    defaultTargetFields: { defaultTargetFields: ['userName', 'mail', 'name/first', '_id', '_rev'] },
    'the _fields of targetQuery': {
      targetQuery: { _queryFilter: 'true', _fields: 'userName,mail,name/first,_id,_rev' },
      targetQueryFullEntry: true,
    },
  }
  for (const [name, mapping] of Object.entries(PARTIAL))
    it(`${name}: fields that are not asked for are not lost when others are written`, async () => {
      const properties: JsonObject[] = [
        { source: 'userName', target: 'userName' },
        { source: 'mail', target: 'mail', transform: { type: 'text/javascript', source: 'null' } },
        { source: 'userName', target: 'name/first' },
      ]
      await stage({ ...mapping, properties }, ['a'])
      const others = { city: 'Bergen', a: { 'odd/name': 1 } }
      const names = { first: 'old', last: 'stays' }
      await us.connection.create('managed/user', 't', { userName: 'A', mail: 'old', name: names, ...others })
      assert.deepEqual(situations(await recon()), { FOUND: 1 })
      const [{ _id, _rev, ...content } = {}] = await targets()
      assert.deepEqual(content, { userName: 'a', name: { first: 'a', last: 'stays' }, ...others })
      assert.equal(us.requests.filter((line) => line.startsWith('PATCH ')).length, 1)
      assert.equal(((await recon()).progress as Record<string, JsonObject>).target?.unchanged, 1)
    })

  it('runTargetPhase: false asks for no targets and leaves them alone', async () => {
    await stage({ runTargetPhase: false, policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }] })
    await us.connection.create('managed/user', 't', { userName: 'lonely' })
    assert.deepEqual(situations(await recon()), { ABSENT: 3 })
    assert.equal((await targets()).length, 4)
  })

  it('correlateEmptyTargetSet: an empty target is correlated with, which then sees what the run itself creates', async () => {
    await stage({ correlateEmptyTargetSet: true }, ['a'])
    await eu.connection.create('managed/user', 'A', { userName: 'A' })
    assert.deepEqual(situations(await recon()), { ABSENT: 1, FOUND_ALREADY_LINKED: 1 })
    await stage({}, ['a'])
    await eu.connection.create('managed/user', 'A', { userName: 'A' })
    assert.deepEqual(situations(await recon()), { ABSENT: 2 })
  })

  it('taskThreads: so many requests at a time; 0 is one after the other', async () => {
    for (const [taskThreads, most] of [
      [0, 1],
      [3, 3],
    ] as const) {
      await stage({ taskThreads }, ['a', 'b', 'c', 'd', 'e', 'f'])
      let [open, peak] = [0, 0]
      us.interfere = (request) => {
        if (request.method === 'GET') return undefined
        open += 1
        peak = Math.max(peak, open)
        request.once('close', () => {
          open -= 1
        })
        return undefined
      }
      await recon()
      assert.equal(writes(us), 6)
      assert.ok(peak <= most, `${peak} at a time with ${taskThreads}`)
    }
  })

  it('sourceIdsCaseSensitive, targetIdsCaseSensitive: false finds links by ids in another case', async () => {
    await stage({ sourceIdsCaseSensitive: false, targetIdsCaseSensitive: false, correlationQuery: [] }, ['Anna'])
    await recon()
    assert.deepEqual(
      (await links()).map(({ firstId }) => firstId),
      ['anna'],
    )
    await eu.connection.delete('managed/user/Anna', null)
    await eu.connection.create('managed/user', 'ANNA', { userName: 'Anna', mail: 'new' })
    assert.deepEqual(situations(await recon()), { CONFIRMED: 1 })
    assert.deepEqual(
      (await targets()).map(({ mail }) => mail),
      ['new'],
    )
  })

  it('reconAssociation: so many runs of either kind are listed; their entries stay', async () => {
    await stage({ reconAssociation: { maxAnalysisRunsPerMapping: 0, maxNonAnalysisRunsPerMapping: 2 } }, ['a'])
    const runs = [await recon(), await recon(), await recon(), await recon(null, 'm', '&analyze=true')]
    const { result } = (await gateway.call('/recon/assoc?_queryFilter=true')).json as { result: JsonObject[] }
    assert.deepEqual(
      result.map(({ _id }) => _id),
      runs.slice(1, 3).map(({ _id }) => _id),
    )
    const first = await gateway.call(`/recon/assoc/${String(runs[0]?._id)}/entry?_queryFilter=true`)
    assert.equal((first.json as { result: unknown[] }).result.length, 1)
  })

  it('keepRuns: so many runs are kept with their entries', async () => {
    await stage({ keepRuns: 2, keepBefore: false }, ['a'])
    const runs = [await recon(), await recon(), await recon(), await recon(null, 'm', '&analyze=true')]
    const counts = async () => {
      const found: number[] = []
      for (const { _id } of runs) {
        const answer = await gateway.call(`/recon/assoc/${String(_id)}/entry?_queryFilter=true`)
        found.push(answer.status === 404 ? 0 : (answer.json as { result: unknown[] }).result.length)
      }
      return found
    }
    // What is beyond the limit goes when the run has ended, and nobody waits for that.
    await until(async () => isDeepStrictEqual(await counts(), [0, 0, 1, 1]))
  })

  it('a property that nobody knows is named in the log, with its file and what was probably meant, once', async () => {
    await stage({ corelationQuery: {} })
    const warnings = () =>
      gateway.log.entries.filter(({ notices, msg }) => notices !== undefined && /unknown property/.test(String(msg)))
    assert.equal(warnings().length, 1)
    const said = 'mapping m: unknown property "corelationQuery" is ignored; did you mean "correlationQuery"?'
    assert.match(String(warnings()[0]?.msg), /sync\.json: mapping m: /)
    assert.ok(String(warnings()[0]?.msg).endsWith(said))
    const single = (name: string) => `${gateway.project.conf}/mapping-${name}.json`
    const { name: _, ...rest } = BASE
    await writeAtomically(single('one'), { ...rest, validSuorce: null })
    await until(() => warnings().length === 2)
    assert.match(String(warnings()[1]?.msg), /mapping-one\.json: mapping one: .*"validSuorce".*"validSource"/)
    await writeAtomically(single('two'), rest)
    await until(async () => (await gateway.call('/sync/mappings/two')).status === 200)
    assert.equal(warnings().length, 2)
  })

  it('what cannot be understood is refused over REST, by name', async () => {
    await stage({})
    const { name: _, ...rest } = BASE
    const put = async (content: JsonObject) => {
      const answer = await gateway.call('/config/mapping/x', { method: 'PUT', json: { ...rest, ...content } })
      return [answer.status, String((answer.json as JsonObject).message)] as const
    }
    const refused: [JsonObject, string][] = [
      [{ targetQuery: { queryFilter: 'a eq 1' } }, 'targetQuery'],
      [{ onCreate: { type: 'groovy', source: '1' } }, 'onCreate'],
      [{ policies: [{ situation: 'FOUND', action: 'REPLACE' }] }, 'policies.0.action'],
      [{ defaultTargetFields: 3 }, 'defaultTargetFields'],
    ]
    for (const [content, key] of refused) {
      const [status, message] = await put(content)
      assert.equal(status, 400)
      assert.ok(message.includes(`${key}: must be `), message)
    }
    assert.equal((await put({}))[0], 201)
  })
})
