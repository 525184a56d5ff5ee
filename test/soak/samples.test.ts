import assert from 'node:assert/strict'
import { growth, type Sample } from './samples.ts'

const run = (of: (n: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 16 }, (_, n) => {
    const steady = { seconds: n, answers: n * 100, heap: 30, resident: 100, handles: 5, files: 30, listeners: 17 }
    return { ...steady, ...of(n) }
  })

describe('the verdict of the soak', () => {
  it('lets pass what is steady, restless, or large only at first', () => {
    assert.deepEqual(growth(run(() => ({}))), [])
    assert.deepEqual(growth(run((n) => ({ heap: 30 + (n % 3) * 4, files: 30 + (n % 2) * 8 }))), [])
    assert.deepEqual(growth(run((n) => ({ heap: n < 4 ? 20 + n * 3 : 34 }))), [])
  })

  for (const [name, of] of [
    ['heap', (n: number) => ({ heap: 30 + n })],
    ['handles', (n: number) => ({ handles: 5 + n })],
    ['files', (n: number) => ({ files: 30 + n })],
    ['listeners', (n: number) => ({ listeners: 17 + Math.floor(n / 5) })],
  ] as const) {
    it(`names what grows: ${name}`, () => {
      const [sentence, ...others] = growth(run(of))
      assert.match(sentence ?? '', new RegExp(`^${name} grew from `))
      assert.deepEqual(others, [])
    })
  }
})
