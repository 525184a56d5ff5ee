import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '../../../lib/contract.ts'
import { mappings, script, type TwoWayOptions, told, twoWayStage } from './two-way-stage.ts'

const pairOf = async (options: TwoWayOptions = {}, fields: JsonObject = { sn: 'Old', mail: 'old@x.com' }) => {
  const stage = await twoWayStage(options)
  await stage.pair('u', fields)
  return stage
}

describe('two instances that follow each other: a change of one side', () => {
  it('is carried over, and not taken back by the other mapping, which runs first', async () => {
    const stage = await pairOf()
    stage.edit('one', { sn: 'New' })
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /sn "New"→"Old" kept')
    assert.deepEqual([stage.written(), stage.values('sn')], [0, ['New', 'Old']])
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "Old"→"New"')
    assert.deepEqual([stage.written(), stage.values('sn')], [1, 'New'])
  })

  it('is carried back, and not overwritten by the mapping of the other direction', async () => {
    const stage = await pairOf()
    stage.edit('two', { sn: 'New' })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "New"→"Old" kept')
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /sn "Old"→"New"')
    assert.deepEqual([stage.written(), stage.values('sn')], [1, 'New'])
  })

  it('ends there: nothing is written on the way back', async () => {
    const stage = await pairOf()
    stage.edit('one', { sn: 'New' })
    await stage.carry('ab')
    assert.equal(stage.written(), 1)
    for (const direction of ['ba', 'ab', 'ba'] as const) await stage.carry(direction)
    assert.equal(stage.written(), 0)
  })

  it('goes with one of the other side in another field', async () => {
    const stage = await pairOf()
    stage.edit('one', { sn: 'New' })
    stage.edit('two', { mail: 'new@x.com' })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "Old"→"New" /mail "new@x.com"→"old@x.com" kept')
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /mail "old@x.com"→"new@x.com"')
    assert.deepEqual([stage.values('sn'), stage.values('mail')], ['New', 'new@x.com'])
  })

  it('may follow at once on one that was carried over: it is no second change', async () => {
    const stage = await pairOf()
    for (const [index, side] of (['one', 'two', 'two', 'one', 'one'] as const).entries()) {
      stage.edit(side, { sn: `New${index}` })
      assert.equal((await stage.carry(side === 'one' ? 'ab' : 'ba')).status, 'SUCCESS')
      assert.equal(stage.values('sn'), `New${index}`)
    }
  })

  it('is cleared where the other side clears the field', async () => {
    const stage = await pairOf()
    stage.edit('two', { mail: undefined })
    await stage.carry('ab')
    assert.deepEqual(stage.values('mail'), ['old@x.com', null])
    await stage.carry('ba')
    assert.equal(stage.values('mail'), null)
  })

  it('is told apart within an object', async () => {
    const properties = [{ source: 'address', target: 'address' }]
    const address = { street: 'a', city: 'b' }
    const stage = await pairOf({ ab: { properties }, ba: { properties } }, { address })
    stage.edit('one', { address: { ...address, street: 'new' } })
    stage.edit('two', { address: { ...address, city: 'new' } })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /address/street "a"→"new" /address/city "new"→"b" kept')
    await stage.carry('ba')
    assert.deepEqual(stage.values('address'), { street: 'new', city: 'new' })
  })
})

describe('two instances that follow each other: a change of both sides', () => {
  const both = async (options: TwoWayOptions = {}) => {
    const stage = await pairOf(options)
    stage.edit('one', { sn: 'One' })
    stage.edit('two', { sn: 'Two' })
    return stage
  }

  it('fails the row by default, in both directions, and writes nothing', async () => {
    const stage = await both()
    stage.edit('one', { mail: 'new@x.com' })
    const row = await stage.carry('ab')
    assert.equal(told(row), 'UPDATE FAILURE /sn "Two"→"One" conflict exception /mail "old@x.com"→"new@x.com"')
    assert.equal(
      row.message,
      '/sn: changed in external/idm/one/managed/user and in external/idm/two/managed/user since both last agreed: nothing was written. To let external/idm/one/managed/user win, run sync?_action=performAction&mapping=ab&action=UPDATE&situation=CONFIRMED&sourceId=u, or reconById with {"conflict": "source"}; to let external/idm/two/managed/user win, do so with the mapping ba',
    )
    assert.equal((await stage.carry('ba')).status, 'FAILURE')
    assert.equal(stage.written(), 0)
  })

  it('is audited with both values, secrets masked', async () => {
    const properties = ['sn', 'pin'].map((name) => ({ source: name, target: name }))
    const stage = await pairOf({ ab: { properties }, ba: { properties } }, { sn: 'Old', pin: '1111' })
    stage.edit('one', { sn: 'One', pin: '2222' })
    stage.edit('two', { sn: 'Two', pin: '3333' })
    const run = await stage.recon('&id=u', undefined, 'ab')
    const path = `/audit/recon?_queryFilter=reconId+eq+"${String(run._id)}"+and+entryType+eq+"entry"`
    const { result } = (await stage.gateway.call(path)).json as { result: JsonObject[] }
    assert.deepEqual(
      result.map(({ status, messageDetail }) => [status, messageDetail]),
      [
        [
          'FAILURE',
          {
            conflicts: [
              { field: '/sn', from: 'Two', to: 'One', conflict: 'exception' },
              { field: '/pin', from: '********', to: '********', conflict: 'exception' },
            ],
          },
        ],
      ],
    )
  })

  it('is no conflict where both hold the same', async () => {
    const stage = await both()
    stage.edit('two', { sn: 'One' })
    assert.equal((await stage.carry('ab')).status, 'SUCCESS')
    stage.edit('two', { sn: 'Three' })
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /sn "One"→"Three"')
    assert.equal(stage.written(), 1)
  })

  for (const [which, rules, winner] of [
    ['the source of this mapping', { ab: { conflict: 'source' } }, 'One'],
    ['the target of this mapping', { ab: { conflict: 'target' } }, 'Two'],
    ['the source of the other', { ab: { conflict: null }, ba: { conflict: 'source' } }, 'Two'],
  ] as const)
    for (const first of ['ab', 'ba'] as const)
      it(`is decided by an authority: ${which}, when ${first} runs first`, async () => {
        const stage = await both(rules)
        for (const direction of first === 'ab' ? (['ab', 'ba'] as const) : (['ba', 'ab'] as const))
          assert.equal((await stage.carry(direction)).status, 'SUCCESS')
        assert.deepEqual([stage.values('sn'), stage.written()], [winner, 1])
      })

  it('is decided for one run by its body', async () => {
    const stage = await both()
    assert.equal(
      told(await stage.carry('ba', { conflict: 'source' })),
      'UPDATE SUCCESS /sn "One"→"Two" conflict source',
    )
    assert.deepEqual([stage.values('sn'), stage.written()], ['Two', 1])
  })

  it('is decided by somebody who names the situation, and by nobody who does not', async () => {
    const stage = await both()
    const path = '/sync?_action=performAction&mapping=ab&action=UPDATE&sourceId=u'
    assert.equal((await stage.gateway.call(path, { method: 'POST' })).status, 409)
    assert.equal((await stage.gateway.call(`${path}&situation=CONFIRMED`, { method: 'POST' })).status, 200)
    assert.deepEqual([stage.values('sn'), stage.written()], ['One', 1])
    assert.equal((await stage.carry('ba')).status, 'SUCCESS')
  })

  it('is shown by a plan, which writes nothing and agrees on nothing', async () => {
    const stage = await both({ ab: { conflict: 'source' } })
    const run = await stage.recon('&analyze=true', undefined, 'ab')
    const [row = {}] = await stage.rows(run)
    assert.equal(told(row), 'UPDATE null /sn "Two"→"One" conflict source')
    stage.edit('two', { sn: 'Old' })
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /sn "One"→"Old" kept')
  })
})

describe('two instances that follow each other: values that are not the same on both sides', () => {
  const code = (source: string, target: string, transform: string) => ({ source, target, transform: script(transform) })

  it('are compared by what each transform makes of them', async () => {
    const stage = await pairOf({
      ab: { properties: [code('sn', 'sn', '"b-" + source'), { source: 'mail', target: 'mail' }] },
      ba: { properties: [code('sn', 'sn', 'source.slice(2)'), { source: 'mail', target: 'mail' }] },
    })
    assert.deepEqual(stage.values('sn'), ['Old', 'b-Old'])
    stage.edit('two', { sn: 'b-New' })
    await stage.carry('ab')
    await stage.carry('ba')
    assert.deepEqual([stage.values('sn'), stage.written()], [['New', 'b-New'], 1])
    stage.edit('one', { sn: 'Newer' })
    assert.equal((await stage.carry('ab')).status, 'SUCCESS')
    stage.edit('one', { sn: 'Newest' })
    stage.edit('two', { sn: 'b-Other' })
    assert.equal((await stage.carry('ab')).status, 'FAILURE')
  })

  it('do not go round for ever where the transforms do not undo each other', async () => {
    const properties = [code('sn', 'sn', 'source + "!"')]
    const stage = await pairOf({ ab: { properties }, ba: { properties } })
    for (let round = 0; round < 3; round++) {
      await stage.carry('ba')
      await stage.carry('ab')
    }
    assert.deepEqual([stage.written(), stage.values('sn')], [0, ['Old', 'Old!']])
    stage.edit('two', { sn: 'New' })
    await stage.carry('ba')
    await stage.carry('ab')
    assert.deepEqual([stage.written(), stage.values('sn')], [1, ['New!', 'New']])
  })

  it('may be made of several fields', async () => {
    const name = { source: '', target: 'description', transform: script('source.userName + " " + source.sn') }
    const fields = [{ source: 'sn', target: 'sn' }]
    const stage = await pairOf({ ab: { properties: fields }, ba: { properties: [...fields, name] } })
    await stage.carry('ba')
    stage.edit('one', { sn: 'New' })
    await stage.carry('ab')
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /description "u Old"→"u New"')
  })

  it('are stored by a target as it likes: each change is written once', async () => {
    const stage = await pairOf({ two: { normalised: { sn: 'lowerCase', mail: 'trim' } } })
    for (let round = 0; round < 2; round++) {
      await stage.carry('ab')
      await stage.carry('ba')
    }
    assert.deepEqual([stage.written(), stage.values('sn')], [0, ['Old', 'old']])
    stage.edit('one', { sn: 'NEW' })
    await stage.carry('ba')
    await stage.carry('ab')
    await stage.carry('ba')
    assert.deepEqual([stage.written(), stage.values('sn')], [1, ['NEW', 'new']])
    stage.edit('two', { sn: 'other' })
    await stage.carry('ab')
    await stage.carry('ba')
    assert.deepEqual([stage.written(), stage.values('sn')], [1, 'other'])
  })

  it('may be lists that a target sorts', async () => {
    const properties = [{ source: 'tags', target: 'tags' }]
    const options = { ab: { properties }, ba: { properties }, two: { normalised: { tags: 'sort' } } } as const
    const stage = await pairOf(options, { tags: ['b', 'a'] })
    await stage.carry('ba')
    await stage.carry('ab')
    assert.deepEqual(
      [stage.written(), stage.values('tags')],
      [
        0,
        [
          ['b', 'a'],
          ['a', 'b'],
        ],
      ],
    )
    stage.edit('two', { tags: ['a', 'b', 'c'] })
    await stage.carry('ab')
    await stage.carry('ba')
    assert.deepEqual(stage.values('tags'), ['a', 'b', 'c'])
  })

  it('may be passwords, which no side shows', async () => {
    const properties: JsonObject[] = [
      { source: 'password', target: 'password', writeOnly: true },
      { source: 'sn', target: 'sn' },
    ]
    const stage = await pairOf(
      { ab: { properties }, ba: { properties: [{ source: 'sn', target: 'sn' }] }, two: { writeOnly: ['password'] } },
      { password: 'Secret1', sn: 'Old' },
    )
    await stage.carry('ab')
    assert.equal(stage.written(), 0)
    stage.edit('one', { password: 'Secret2' })
    stage.edit('two', { sn: 'New' })
    assert.match(told(await stage.carry('ab')), /sn "New"→"Old" kept \/password null→/)
    assert.deepEqual([stage.values('password'), stage.written()], ['Secret2', 1])
  })

  it('are left alone where a condition does not hold, and carried over once it does', async () => {
    const properties = [{ source: 'sn', target: 'sn', condition: '/object/mail eq "on"' }]
    const mail = { source: 'mail', target: 'mail' }
    const stage = await pairOf({ ab: { properties: [...properties, mail] }, ba: { properties: [mail] } })
    await stage.carry('ab')
    stage.edit('one', { sn: 'New', mail: 'on' })
    await stage.carry('ab')
    assert.equal(stage.values('sn'), 'New')
  })

  it('may be defaults', async () => {
    const properties = [{ source: 'sn', target: 'sn', default: 'none' }]
    const stage = await pairOf({ ab: { properties }, ba: { properties: [{ source: 'sn', target: 'sn' }] } }, {})
    assert.deepEqual(stage.values('sn'), [null, 'none'])
    await stage.carry('ba')
    await stage.carry('ab')
    stage.edit('two', { sn: 'New' })
    await stage.carry('ab')
    await stage.carry('ba')
    assert.equal(stage.values('sn'), 'New')
  })
})

describe('two instances that follow each other: what they agreed on', () => {
  it('goes with the link', async () => {
    const stage = await pairOf()
    const link = ((await stage.gateway.call('/repo/link?_queryFilter=true')).json as { result: JsonObject[] }).result[0]
    await stage.gateway.call(`/repo/link/${String(link?._id)}`, { method: 'DELETE' })
    stage.edit('two', { sn: 'New' })
    // It is found again, and nothing is known of it: the mapping that runs carries over.
    await stage.carry('ab')
    assert.equal(stage.values('sn'), 'Old')
    stage.edit('two', { sn: 'New' })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "New"→"Old" kept')
  })

  it('is not known of links that are older: the mapping that runs carries over, and then they agree', async () => {
    const stage = await twoWayStage({ ab: { conflict: null } })
    await stage.pair('u', { sn: 'Old' })
    await stage.configure(mappings({ ab: { conflict: 'exception' } }))
    stage.edit('two', { sn: 'New' })
    await stage.carry('ba')
    assert.equal(stage.values('sn'), 'New')
    stage.edit('one', { sn: 'Newer' })
    assert.equal(told(await stage.carry('ba')), 'UPDATE SUCCESS /sn "Newer"→"New" kept')
  })

  it('is nothing in an ordinary mapping: its source wins', async () => {
    const stage = await pairOf({ ab: { conflict: null } })
    stage.edit('two', { sn: 'New' })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "New"→"Old"')
    assert.equal(stage.values('sn'), 'Old')
  })

  it('is agreed on anew for what the undoing of a run leaves', async () => {
    const stage = await pairOf()
    stage.edit('one', { sn: 'New' })
    const run = await stage.recon('&id=u', undefined, 'ab')
    const post = async (path: string) => (await stage.gateway.call(path, { method: 'POST' })).json as JsonObject
    const plan = await post(`/recon/${String(run._id)}?_action=undo&waitForCompletion=true`)
    await post(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`)
    assert.deepEqual([stage.values('sn'), stage.written()], [['New', 'Old'], 2])
    await stage.carry('ba')
    await stage.carry('ab')
    assert.deepEqual([stage.values('sn'), stage.written()], [['New', 'Old'], 0])
    stage.edit('two', { sn: 'Newer' })
    await stage.carry('ba')
    assert.equal(stage.values('sn'), 'Newer')
  })

  it('is known by its digests only', async () => {
    const stage = await pairOf({}, { sn: 'Very-Personal', mail: 'very@personal.example' })
    stage.edit('one', { sn: 'Also-Personal' })
    await stage.carry('ab')
    const database = new DatabaseSync(join(stage.gateway.project.dir, 'db', 'openidm.db'), { readOnly: true })
    const stored = database.prepare('select * from agreement').all()
    database.close()
    assert.equal(stored.length, 2)
    assert.doesNotMatch(JSON.stringify(stored), /Personal|personal/)
  })
})
