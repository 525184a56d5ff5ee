import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { fakeIdm, json, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { MAPPING, SOURCE, USERS } from '../fake-stage.ts'
import { instanceOf } from '../gateways.ts'
import { HOUR, type IncrementalStage, incrementalStage, notesOf, timeAt } from './incremental-stage.ts'

describe('a run that asks only for what changed is refused', () => {
  it('without a full run before it', async () => {
    const stage = await incrementalStage()
    assert.match(await stage.refused(), /^409 No full reconciliation of m has noted .* reconcile m in full first/)
    assert.deepEqual(stage.asked(), [])
    await stage.recon('&analyze=true')
    await stage.recon('', { limit: 2 })
    await stage.recon('&id=u1')
    await stage.recon('', { sourceQuery: { _queryFilter: 'userName eq "u1"' }, runTargetPhase: false })
    assert.match(await stage.refused(), /^409 No full reconciliation of m/)
    await stage.recon()
    assert.equal((await stage.changed()).state, 'SUCCESS')
  })

  it('without `incremental`', async () => {
    const stage = await incrementalStage({ mapping: { incremental: null } })
    assert.match(await stage.refused(), /^400 changed: the mapping m has no "incremental"/)
    assert.equal((await stage.recon()).incremental, undefined)
  })

  it('in combinations that mean nothing', async () => {
    const stage = await incrementalStage()
    await stage.recon()
    assert.match(await stage.refused('&changed=true&id=u1'), /^400 changed: reconById/)
    assert.match(await stage.refused('&changed=true', { limit: 1 }), /^400 changed: cannot be combined/)
    assert.match(await stage.refused('&changed=true', { runTargetPhase: true }), /^400 changed: .*runTargetPhase/)
    const body: JsonObject = { sourceQuery: { _queryId: 'query-all' } }
    assert.match(await stage.refused('&changed=true', body), /^400 changed: .*no _queryFilter/)
  })

  it('when the source, its query or its address is another one than before', async () => {
    const incremental: JsonObject = { changedField: 'lastModified' }
    const narrow = { _queryFilter: 'sn eq "Ortiz"' }
    const stage = await incrementalStage({ mapping: { sourceQuery: narrow } })
    await stage.recon()
    const configured = (changes: JsonObject) => stage.configure([{ ...MAPPING, incremental, ...changes }])
    const changed = /^409 Since the last reconciliation of m its source, .* has changed: reconcile m in full first/
    await configured({})
    assert.match(await stage.refused(), changed)
    await configured({ sourceQuery: narrow, incremental: { changedField: 'mail' } })
    assert.match(await stage.refused(), changed)
    await configured({ sourceQuery: narrow, incremental: { ...incremental, overlap: '1 hour', sweep: '0 0 3 * * ?' } })
    await stage.changed()
    const other = await fakeIdm()
    other.seed(USERS, [{ _id: 'u1', userName: 'u1', sn: 'Ortiz', lastModified: timeAt(stage) }])
    const moved = { method: 'PUT', json: instanceOf(other) }
    assert.equal((await stage.gateway.call('/config/external.idm/one', moved)).status, 200)
    assert.match(await stage.refused(), changed)
  })

  describe('for a field that does not show what changed:', () => {
    const since = async (stage: IncrementalStage) => {
      await stage.recon()
      const text = await stage.refused()
      assert.match(
        text,
        new RegExp(`^409 incremental.changedField: lastModified of ${SOURCE} does not show what changed: `),
      )
      return text
    }

    it('one that cannot be searched', async () => {
      const stage = await incrementalStage({ one: { unsearchable: ['lastModified'] } })
      assert.match(await since(stage), /the filter \/lastModified pr finds no object\. Name a field/)
    })

    it('one of a source without objects', async () => {
      const stage = await incrementalStage({ mapping: { allowEmptySourceSet: true, maxDeletes: '100%' } })
      for (const id of stage.one.ids(USERS)) stage.one.delete(USERS, id)
      await stage.recon()
      assert.match(await stage.refused(), /has no objects, so that nothing shows .* A run without --changed tells/)
    })

    it('one whose filter is ignored', async () => {
      const stage = await incrementalStage()
      const all = respond(json(200, { result: [{ _id: 'u1', lastModified: timeAt(stage) }] }))
      stage.one.intercept(({ query }) => /lastModified/.test(query._queryFilter ?? ''), all)
      assert.match(await since(stage), /the filter \/lastModified gt "9998-\S+" finds objects/)
    })

    it('one that the remote refuses to filter by', async () => {
      const stage = await incrementalStage()
      stage.one.intercept(
        ({ query }) => /lastModified ge/.test(query._queryFilter ?? ''),
        async () => ({ status: 500, headers: {}, json: { code: 500, reason: 'Error', message: 'no index' } }),
      )
      assert.match(await since(stage), /the filter \/lastModified ge "\S+" was answered with 500 \(no index\)/)
    })

    for (const [value, found] of [
      [1_769_842_800_000, '1769842800000'],
      ['31.1.2026', '"31\\.1\\.2026"'],
      ['20260131060000Z', '"20260131060000Z"'],
      ['2026-01-31T06:00:00.000+02:00', '"2026-01-31T06:00:00\\.000\\+02:00"'],
      [{ at: 'x' }, 'something that is no text'],
    ] as const)
      it(`one that holds ${JSON.stringify(value)}`, async () => {
        const stage = await incrementalStage()
        for (const id of ['u1', 'u2', 'u3']) stage.one.change(USERS, id, { lastModified: value })
        assert.match(await since(stage), new RegExp(`: it holds ${found}, where times in ISO 8601 and UTC are needed`))
      })

    it('one whose times have several zones', async () => {
      const stage = await incrementalStage()
      stage.one.change(USERS, 'u3', { lastModified: '2026-01-31T06:00:00.000' })
      assert.match(await since(stage), /it holds "2026-01-31T06:00:00\.000", where times/)
    })
  })

  it('for no reason that has gone: what was proven is proven again after a day, and where the field is another', async () => {
    const stage = await incrementalStage()
    await stage.recon()
    stage.one.switches.unsearchable = ['lastModified']
    await stage.refused()
    stage.one.switches.unsearchable = []
    await stage.changed()
    stage.one.switches.unsearchable = ['lastModified']
    // Proven within the last day.
    await stage.changed()
    const incremental: JsonObject = { changedField: 'mail' }
    await stage.configure([{ ...MAPPING, incremental }])
    await stage.recon()
    assert.match(await stage.refused(), /^409 incremental\.changedField: mail of/)
  })

  it('never silently, where the source does not say what time it is', async () => {
    const stage = await incrementalStage({ one: { clockSkew: 'none' } })
    const run = await stage.recon()
    assert.match(String((run.warnings as string[])[0]), /does not say what time it is \(no Date header\)/)
    assert.equal(notesOf(run).watermark, undefined)
    assert.match(await stage.refused(), /^409 No full reconciliation/)
    stage.one.switches.clockSkew = -HOUR
    await stage.recon()
    await stage.changed()
  })
})
