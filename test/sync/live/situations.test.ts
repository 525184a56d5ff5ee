import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { assessDeletion } from '../../../lib/sync/situation.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js, type LiveStage, LOCAL, mappingTo, person, REMOTE, SOURCE, startLive } from './live-stage.ts'

describe('the table of deletions', () => {
  const ROWS = [
    [{ linked: true, targets: 1, valid: true }, 'SOURCE_MISSING'],
    [{ linked: true, targets: 1, valid: false }, 'TARGET_IGNORED'],
    [{ linked: true, targets: 0 }, 'LINK_ONLY'],
    [{ linked: false, targets: 0 }, 'ALL_GONE'],
    [{ linked: false, targets: 1, qualified: true }, 'UNASSIGNED'],
    [{ linked: false, targets: 2, qualified: true }, 'AMBIGUOUS'],
    [{ linked: false, targets: 1, qualified: false }, 'TARGET_IGNORED'],
    [{ linked: false, targets: 2, qualified: false }, 'UNQUALIFIED'],
  ] as const
  for (const [facts, situation] of ROWS)
    it(`${JSON.stringify(facts)}: ${situation}`, () =>
      assert.equal(assessDeletion({ valid: false, qualified: false, ...facts }).situation, situation))
})

for (const target of [LOCAL, REMOTE])
  describe(`implicit synchronization to ${target}`, () => {
    ownedBySuite()
    let stage: LiveStage
    let count = 0
    before(async () => {
      stage = await startLive([mappingTo(target)])
    })
    beforeEach(() => stage.configure([mappingTo(target)]))

    const newId = () => `p${++count}`
    const source = (id: string, more?: JsonObject) => stage.connection.create(SOURCE, id, person(id, more))
    const change = (id: string, more: JsonObject) => stage.connection.update(`${SOURCE}/${id}`, null, person(id, more))
    const gone = (id: string) => stage.connection.delete(`${SOURCE}/${id}`, null)
    const targetOf = (key: string, id: string, more?: JsonObject) =>
      stage.connection.create(target, key, person(id, { mail: 'old@example.com', ...more }))
    const targets = async (id: string) => {
      const { result } = await stage.connection.query(target, { _queryFilter: `userName eq "${id}"` })
      return result.map(({ mail }) => mail)
    }
    const linked = async (): Promise<string> => {
      const id = newId()
      await source(id)
      await stage.notify('Create', id)
      return id
    }
    const outcome = ([detail = {}, ...others]: JsonObject[]) => {
      assert.equal(others.length, 0)
      const { situation, action, result, cause } = detail
      return [situation, action, result, (cause as JsonObject | undefined)?.message].filter((one) => one !== undefined)
    }
    const policy = (situation: string, action: string) =>
      stage.configure([mappingTo(target, { policies: [{ situation, action }] })])

    it('no link, nothing correlates: ABSENT creates and links', async () => {
      const id = newId()
      await source(id)
      assert.deepEqual(outcome(await stage.notify('Create', id)), ['ABSENT', 'CREATE', 'SUCCESSFUL'])
      assert.deepEqual(await targets(id), [`${id}@example.com`])
      assert.equal((await stage.links(id)).length, 1)
    })

    it('no link, one correlates: FOUND updates and links', async () => {
      const id = newId()
      await targetOf(`t-${id}`, id)
      await source(id)
      assert.deepEqual(outcome(await stage.notify('Create', id)), ['FOUND', 'UPDATE', 'SUCCESSFUL'])
      assert.deepEqual([await targets(id), await stage.links(id)], [[`${id}@example.com`], [`t-${id}`]])
    })

    it('a link and its target: CONFIRMED updates what differs', async () => {
      const id = await linked()
      const before = await change(id, { mail: 'new@example.com' })
      const [detail = {}] = await stage.notify('Update', id, { newValue: before, oldValue: person(id) })
      assert.deepEqual(outcome([detail]), ['CONFIRMED', 'UPDATE', 'SUCCESSFUL'])
      assert.deepEqual(await targets(id), ['new@example.com'])
      assert.equal((detail.oldTargetValue as JsonObject).mail, `${id}@example.com`)
      assert.equal((detail.targetObjectSet as JsonObject).mail, 'new@example.com')
      stage.remote.clearRequests()
      assert.deepEqual(outcome(await stage.notify('Update', id)), ['CONFIRMED', 'UPDATE', 'SUCCESSFUL'])
      assert.deepEqual(stage.remote.writes, [])
    })

    it('the details are those of the vendor', async () => {
      const id = newId()
      await source(id)
      const [{ targetId, targetObjectSet, ...detail } = {}] = await stage.notify('Create', id)
      assert.deepEqual([targetId], await stage.links(id))
      assert.equal((targetObjectSet as JsonObject).userName, id)
      assert.deepEqual(detail, {
        reconId: null,
        mapping: 'm',
        situation: 'ABSENT',
        action: 'CREATE',
        sourceId: id,
        linkQualifier: 'default',
        ambiguousTargetIds: null,
        oldTargetValue: null,
        result: 'SUCCESSFUL',
      })
    })

    it('the target is gone: MISSING is an exception, and with CREATE the link leads to a new one', async () => {
      const id = await linked()
      const [first = ''] = await stage.links(id)
      await stage.connection.delete(`${target}/${first}`, null)
      const message = 'MISSING: it is linked to a target, which is gone'
      assert.deepEqual(outcome(await stage.notify('Update', id)), ['MISSING', 'EXCEPTION', 'FAILED', message])
      // Proof that the one target is gone needs another one.
      await targetOf(`other-${id}`, `other-${id}`)
      await policy('MISSING', 'CREATE')
      assert.deepEqual(outcome(await stage.notify('Update', id)).slice(0, 3), ['MISSING', 'CREATE', 'SUCCESSFUL'])
      const [second = ''] = await stage.links(id)
      assert.notEqual(second, first)
      assert.deepEqual(await targets(id), [`${id}@example.com`])
    })

    it('it no longer qualifies: UNQUALIFIED deletes the target and its link', async () => {
      const id = await linked()
      await change(id, { out: true })
      const [detail = {}] = await stage.notify('Update', id)
      assert.deepEqual(outcome([detail]), ['UNQUALIFIED', 'DELETE', 'SUCCESSFUL'])
      assert.equal(detail.targetObjectSet, null)
      assert.deepEqual([await targets(id), await stage.links(id)], [[], []])
      assert.deepEqual(outcome(await stage.notify('Update', id)), ['SOURCE_IGNORED', 'IGNORE', 'SUCCESSFUL'])
    })

    it('deleted, with link and target: SOURCE_MISSING is an exception, or what the policy says', async () => {
      const id = await linked()
      await gone(id)
      assert.deepEqual(outcome(await stage.notify('Delete', id)).slice(0, 3), ['SOURCE_MISSING', 'EXCEPTION', 'FAILED'])
      assert.equal((await targets(id)).length, 1)
      await policy('SOURCE_MISSING', 'DELETE')
      assert.deepEqual(outcome(await stage.notify('Delete', id)), ['SOURCE_MISSING', 'DELETE', 'SUCCESSFUL'])
      assert.deepEqual([await targets(id), await stage.links(id)], [[], []])
    })

    it('deleted, the target gone as well: LINK_ONLY is an exception, and the link stays', async () => {
      const id = await linked()
      await stage.connection.delete(`${target}/${(await stage.links(id))[0]}`, null)
      await gone(id)
      assert.deepEqual(outcome(await stage.notify('Delete', id)).slice(0, 3), ['LINK_ONLY', 'EXCEPTION', 'FAILED'])
      assert.equal((await stage.links(id)).length, 1)
    })

    it('deleted, and the target takes no part: TARGET_IGNORED leaves it alone', async () => {
      const id = await linked()
      const [key] = await stage.links(id)
      await stage.connection.update(`${target}/${key}`, null, person(id, { description: 'system' }))
      await gone(id)
      assert.deepEqual(outcome(await stage.notify('Delete', id)), ['TARGET_IGNORED', 'IGNORE', 'SUCCESSFUL'])
      assert.equal((await targets(id)).length, 1)
    })

    it('deleted without link: judged by what it was', async () => {
      const id = newId()
      await source(id)
      await gone(id)
      assert.deepEqual(outcome(await stage.notify('Delete', id)), ['ALL_GONE', 'IGNORE', 'SUCCESSFUL'])
      const [oldValue, out] = [person(id), person(id, { out: true })]
      assert.equal(outcome(await stage.notify('Delete', id, { oldValue }))[0], 'ALL_GONE')
      await targetOf(`1-${id}`, id)
      assert.equal(outcome(await stage.notify('Delete', id))[0], 'ALL_GONE')
      assert.deepEqual(outcome(await stage.notify('Delete', id, { oldValue })).slice(0, 2), ['UNASSIGNED', 'EXCEPTION'])
      assert.deepEqual(outcome(await stage.notify('Delete', id, { oldValue: out })).slice(0, 2), [
        'TARGET_IGNORED',
        'IGNORE',
      ])
      await targetOf(`2-${id}`, id)
      const [detail = {}] = await stage.notify('Delete', id, { oldValue })
      assert.deepEqual(outcome([detail]).slice(0, 2), ['AMBIGUOUS', 'EXCEPTION'])
      assert.deepEqual((detail.ambiguousTargetIds as string[]).sort(), [`1-${id}`, `2-${id}`])
      assert.deepEqual(outcome(await stage.notify('Delete', id, { oldValue: out })).slice(0, 3), [
        'UNQUALIFIED',
        'DELETE',
        'FAILED',
      ])
      assert.equal((await targets(id)).length, 2)
    })

    it('deleted without link: the target of another source is none of it', async () => {
      const id = await linked()
      await policy('UNASSIGNED', 'DELETE')
      const details = await stage.notify('Delete', `other-${id}`, { oldValue: person(id) })
      assert.equal(outcome(details)[0], 'ALL_GONE')
      assert.equal((await targets(id)).length, 1)
    })

    it('a deletion is carried out as an update when the object is there again', async () => {
      await policy('SOURCE_MISSING', 'DELETE')
      const id = await linked()
      await change(id, { mail: 'again@example.com' })
      assert.deepEqual(outcome(await stage.notify('Delete', id, { oldValue: person(id) })), [
        'CONFIRMED',
        'UPDATE',
        'SUCCESSFUL',
      ])
      assert.deepEqual(await targets(id), ['again@example.com'])
    })

    it('all link qualifiers of the source, each with a detail', async () => {
      await stage.configure([
        mappingTo(target, {
          linkQualifiers: js('returnAll ? ["user", "admin"] : object.admin ? ["user", "admin"] : ["user"]'),
          correlationQuery: [],
          properties: [
            { source: 'userName', target: 'userName', transform: js('linkQualifier + "-" + source') },
            ...['mail', 'givenName', 'sn'].map((name) => ({ source: name, target: name })),
          ],
          policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
        }),
      ])
      const id = newId()
      await source(id, { admin: true })
      const details = await stage.notify('Create', id)
      assert.deepEqual(
        details.map(({ linkQualifier, situation }) => [linkQualifier, situation]),
        [
          ['user', 'ABSENT'],
          ['admin', 'ABSENT'],
        ],
      )
      await gone(id)
      const ended = await stage.notify('Delete', id)
      assert.deepEqual(
        ended.map(({ linkQualifier, situation, result }) => [linkQualifier, situation, result]),
        [
          ['user', 'SOURCE_MISSING', 'SUCCESSFUL'],
          ['admin', 'SOURCE_MISSING', 'SUCCESSFUL'],
        ],
      )
    })
  })
