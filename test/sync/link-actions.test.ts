import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import type { QueryRequest, QueryResult } from '../../lib/crest/protocol/request.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { until } from '../helpers/until.ts'
import { MAPPING, type Stage, startStage } from './parts.ts'

/** Answers no query until it is released. */
class Held extends MemoryCollection {
  readonly #release = Promise.withResolvers<void>()
  readonly #reached = Promise.withResolvers<void>()
  readonly release = this.#release.resolve
  readonly reached = this.#reached.promise

  override async query(request: QueryRequest): Promise<QueryResult> {
    this.#reached.resolve()
    await this.#release.promise
    return super.query(request)
  }
}

const link = (firstId: string, secondId: string, more: JsonObject = {}): JsonObject => ({
  ...{ linkType: 'm', linkQualifier: 'default', firstId, secondId },
  ...more,
})

const take = (stage: Stage, links: Json, params: JsonObject = {}) =>
  stage.connection.action('repo/link', 'import', { links }, { mapping: 'm', ...params })

const added = (type: string, ...ids: string[]) =>
  ids.map((id) => ({ type, qualifier: 'default', first: id, second: `t-${id}` }))

describe('repo/link?_action=import', () => {
  it('adds what is new, counts what is there, and names what contradicts it', async () => {
    const stage = await startStage()
    assert.deepEqual(await take(stage, [link('a', 'x'), link('b', 'y')]), {
      ...{ linkType: 'm', added: 2, unchanged: 0, refused: [] },
    })
    assert.deepEqual(
      await take(stage, [link('a', 'x'), link('a', 'z'), link('c', 'y'), link('d', 'w'), link('e', 'w')]),
      {
        ...{ linkType: 'm', added: 1, unchanged: 1 },
        refused: [
          { index: 1, kind: 'conflict', reason: 'a is linked to x already' },
          { index: 2, kind: 'conflict', reason: 'b is linked to y already' },
          { index: 4, kind: 'conflict', reason: 'd is linked to w already' },
        ],
      },
    )
    assert.deepEqual(await stage.links(), ['a-x', 'b-y', 'd-w'])
  })

  it('says what is wrong with an entry, and adds the others', async () => {
    const stage = await startStage()
    const entries: Json[] = [
      'text',
      link('', 'x'),
      { firstId: 'a', secondId: 7 },
      link('a', 'x', { linkType: 'other' }),
      link('a', 'x', { linkQualifier: 'unknown' }),
      { firstId: 'good', secondId: 'x' },
    ]
    const { added: count, refused } = (await take(stage, entries)) as { added: number; refused: JsonObject[] }
    assert.equal(count, 1)
    assert.deepEqual(
      refused.map(({ kind, reason }) => `${String(kind)}: ${String(reason)}`),
      [
        'invalid: it is no object with firstId and secondId',
        'invalid: firstId must be the id of an object',
        'invalid: secondId must be the id of an object',
        'invalid: linkType must be "m"',
        'invalid: the mapping has no linkQualifier "unknown": it has default',
      ],
    )
    assert.deepEqual(await stage.links(), ['good-x'])
  })

  it('writes nothing with dryRun', async () => {
    const stage = await startStage()
    const answer = (await take(stage, [link('a', 'x'), link('a', 'y')], { dryRun: 'true' })) as JsonObject
    assert.deepEqual([answer.added, (answer.refused as JsonObject[]).length], [1, 1])
    assert.deepEqual(await stage.links(), [])
  })

  it('stores ids as the mapping compares them', async () => {
    const stage = await startStage({ mapping: { sourceIdsCaseSensitive: false } })
    await take(stage, [link('Ada', 'X')])
    assert.deepEqual(await stage.links(), ['ada-X'])
  })

  it('makes pairs that the next run confirms', async () => {
    const stage = await startStage({ mapping: { correlationQuery: null } })
    await stage.put('a', 'a1', { name: 'n' })
    await stage.put('b', 'b1', { name: 'n' })
    await take(stage, [link('a1', 'b1')])
    assert.deepEqual(await stage.entries(await stage.run()), { a1: 'CONFIRMED UPDATE SUCCESS' })
    assert.deepEqual(await stage.ids('b'), ['b1'])
  })

  it('is refused for a mapping that has no links or is not there', async () => {
    const stage = await startStage({ mapping: { enableLinking: false } })
    await assert.rejects(take(stage, []), { code: 409, message: /m has enableLinking false/ })
    await assert.rejects(take(stage, [], { mapping: 'other' }), { code: 409, message: /No such mapping: other/ })
    await assert.rejects(take(stage, 'x', { mapping: 'm' }), { code: 400 })
  })

  it('is refused while the mapping runs', async () => {
    const source = new Held()
    const stage = await startStage({ source })
    const run = stage.run()
    await source.reached
    await assert.rejects(take(stage, [link('a', 'x')]), { code: 409, message: /reconciliation of m is running/ })
    source.release()
    await run
    await take(stage, [link('a', 'x')])
    assert.deepEqual(await stage.links(), ['a-x'])
  })
})

describe('repo/link?_action=purge', () => {
  it('removes the links of a mapping that is gone, and of no other', async () => {
    const stage = await startStage()
    await stage.repository.links().add([...added('m', 'a'), ...added('gone', 'a', 'b'), ...added('other', 'c')])
    assert.deepEqual(await stage.connection.action('repo/link', 'countByType'), {
      types: [
        { linkType: 'gone', count: 2, mappings: [] },
        { linkType: 'm', count: 1, mappings: ['m'] },
        { linkType: 'other', count: 1, mappings: [] },
      ],
    })
    const purge = (linkType: string) => stage.connection.action('repo/link', 'purge', null, { linkType })
    assert.deepEqual(await purge('gone'), { linkType: 'gone', removed: 2 })
    await assert.rejects(purge('m'), { code: 409, message: 'The links m are not removed: the mapping m uses them' })
    assert.deepEqual(await stage.links(), ['a-t-a', 'c-t-c'])
  })

  describe('with mappings that are not in force', () => {
    let gateway: TestGateway
    const conf = (file: string) => join(gateway.project.dir, 'conf', file)
    const purge = async (linkType: string) =>
      (await gateway.call(`/repo/link?_action=purge&linkType=${linkType}`, { method: 'POST' })).json as JsonObject

    before(async () => {
      gateway = await startGateway({
        conf: {
          'sync.json': { mappings: [{ ...MAPPING, policies: 'broken' }] },
          'mapping-reverse.json': { ...MAPPING, source: 'b', target: 'a', links: 'forward' },
        },
      })
    })

    it('keeps the links of one with a fault, and of one that another names', async () => {
      assert.equal((await purge('m')).code, 409)
      assert.equal((await purge('forward')).code, 409)
      assert.equal((await purge('reverse')).code, 409)
      assert.deepEqual(await purge('gone'), { linkType: 'gone', removed: 0 })
    })

    it('removes nothing while a file cannot be read', async () => {
      await writeFile(conf('mapping-late.json'), '{ "source": ')
      await until(async () => (await purge('gone')).code === 409, 'the file is seen')
      assert.match(
        String((await purge('gone')).message),
        /^It is not known which mappings there are: mapping-late\.json/,
      )
    })
  })
})
