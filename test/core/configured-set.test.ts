import assert from 'node:assert/strict'
import { ConfiguredSet, type ConfiguredSetOptions } from '../../lib/core/configured-set.ts'

interface Light {
  readonly colour: string
}

/** Lights by colour. `bad…` is invalid, `broken…` cannot be built, `taken…` cannot be swapped. */
function lights(options: Partial<ConfiguredSetOptions<string, Light>> = {}) {
  const events: string[] = []
  const set = new ConfiguredSet<string, Light>({
    validate: (colour) => (colour.startsWith('bad') ? ['colour: must be a colour'] : []),
    provision: async (colour) => {
      if (colour.startsWith('broken')) throw new Error('no bulb')
      return { colour }
    },
    swap: (value, old, key) => {
      if (value?.colour.startsWith('taken')) throw new Error('the socket is taken')
      events.push(`${key}: ${old?.colour ?? 'dark'} > ${value?.colour ?? 'dark'}`)
    },
    cleanUp: ({ colour }) => events.push(`clean ${colour}`),
    ...options,
  })
  const apply = (inputs: Record<string, string>) => set.apply(new Map(Object.entries(inputs)))
  const colours = () => Object.fromEntries([...set.entries].map(([key, { value }]) => [key, value?.colour]))
  const reasons = () =>
    [...set.entries].flatMap(([key, { faults }]) =>
      faults.map((fault) => `${key}: ${typeof fault === 'string' ? fault : fault.reason}`),
    )
  const taken = () => events.splice(0)
  return { set, apply, colours, reasons, taken }
}

describe('configured set', () => {
  it('swaps what has changed in the order of the set, then cleans up', async () => {
    const { set, apply, colours, taken } = lights()
    await apply({ b: 'red', a: 'blue' })
    assert.deepEqual(taken(), ['b: dark > red', 'a: dark > blue'])
    const kept = set.get('a')
    await apply({ a: 'blue', b: 'green', c: 'white' })
    assert.deepEqual(taken(), ['b: red > green', 'c: dark > white', 'clean red'])
    assert.deepEqual([Object.keys(colours()), set.get('a') === kept], [['a', 'b', 'c'], true])
    await apply({ c: 'white' })
    assert.deepEqual(taken(), ['a: blue > dark', 'b: green > dark', 'clean blue', 'clean green'])
  })

  it('swaps all of a set in one step, when the last of it is built', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { apply, colours, taken } = lights({
      provision: async (colour) => {
        if (colour === 'slow') await promise
        return { colour }
      },
    })
    await apply({ a: 'red' })
    const applied = apply({ b: 'blue', c: 'slow' })
    await new Promise(setImmediate)
    assert.deepEqual(colours(), { a: 'red' })
    resolve()
    await applied
    assert.deepEqual(colours(), { b: 'blue', c: 'slow' })
    assert.deepEqual(taken().slice(1), ['a: red > dark', 'b: dark > blue', 'c: dark > slow', 'clean red'])
  })

  for (const fault of ['bad', 'broken', 'taken'])
    it(`one that is ${fault} keeps its last good value and does not stop its neighbours`, async () => {
      const { set, apply, colours, reasons } = lights()
      await apply({ a: 'red', b: 'red' })
      const good = set.get('a')
      await apply({ new: fault, a: fault, b: 'blue' })
      assert.deepEqual(colours(), { new: undefined, a: 'red', b: 'blue' })
      assert.equal(reasons().length, 2)
      await apply({ a: 'red', b: 'blue' })
      assert.equal(set.get('a'), good, 'an edit that is taken back builds nothing')
      assert.deepEqual(reasons(), [])
      await apply({ b: 'blue' })
      assert.deepEqual(colours(), { b: 'blue' })
    })

  it('cleans up what was built and could not be swapped', async () => {
    const { apply, taken } = lights()
    await apply({ a: 'taken 1' })
    assert.deepEqual(taken(), ['clean taken 1'])
  })

  it('tells each change of a fault once', async () => {
    const told: string[] = []
    const { apply } = lights({ onChange: (key, entry) => told.push(`${key} ${entry?.faults.length ?? 'gone'}`) })
    await apply({ a: 'bad' })
    await apply({ a: 'bad' })
    await apply({ a: 'bad too' })
    assert.deepEqual(told, ['a 1'])
    await apply({ a: 'broken' })
    await apply({ a: 'red' })
    await apply({ a: 'red' })
    await apply({})
    assert.deepEqual(told, ['a 1', 'a 1', 'a 0', 'a gone'])
  })

  it('has a fallback stand in while there is no good value, and only then', async () => {
    const { set, apply, colours, taken } = lights({ fallback: (colour) => ({ colour: `instead of ${colour}` }) })
    await apply({ a: 'bad 1' })
    await apply({ a: 'bad 1' })
    assert.deepEqual(taken(), ['a: dark > instead of bad 1'])
    assert.equal(set.entries.get('a')?.good, undefined)
    await apply({ a: 'bad 2' })
    assert.deepEqual(colours(), { a: 'instead of bad 2' })
    await apply({ a: 'red' })
    await apply({ a: 'bad 3' })
    assert.deepEqual(colours(), { a: 'red' })
  })

  it('judges what has a fault again when it is asked to', async () => {
    let isThere = false
    const { set, apply, colours } = lights({ validate: () => (isThere ? [] : ['it is not there']) })
    await apply({ a: 'red' })
    await set.retry()
    assert.deepEqual(colours(), { a: undefined })
    isThere = true
    await set.retry()
    assert.deepEqual(colours(), { a: 'red' })
  })

  it('cleans up everything at its end, also what is being built then', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { set, apply, taken } = lights({
      provision: async (colour) => {
        if (colour === 'slow') await promise
        return { colour }
      },
    })
    await apply({ a: 'red' })
    const applied = apply({ a: 'slow' })
    await new Promise(setImmediate)
    const disposed = set.dispose()
    assert.equal(set.get('a'), undefined)
    resolve()
    await Promise.all([applied, disposed])
    await apply({ a: 'blue' })
    assert.deepEqual(taken(), ['a: dark > red', 'a: red > dark', 'clean red', 'clean slow'])
  })
})
