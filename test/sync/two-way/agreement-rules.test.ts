import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import type { AgreedField } from '../../../lib/repo/links/agreement-store.ts'
import { changedSince, changedTogether, pairOf } from '../../../lib/sync/evaluate/agreement-rules.ts'
import { type Mapping, mappingSchema } from '../../../lib/sync/mapping/mapping.ts'

/** Values as letters: what the source is made into, and what the target shows. */
const field = (last: string | undefined, awaited?: string, evidence: 'wanted' | 'shown' = 'shown'): AgreedField => ({
  ...(last !== undefined && { last: sides(last) }),
  ...(awaited !== undefined && { awaited: { ...sides(awaited), evidence } }),
})

const sides = (text: string) => ({ wanted: text[0] ?? '', shown: text[1] ?? '' })

describe('which side has changed a field since both last agreed', () => {
  const rows: readonly (readonly [known: AgreedField, now: string, expected: ReturnType<typeof changedSince>])[] = [
    [field('aa'), 'aa', 'neither'],
    [field('aa'), 'ba', 'source'],
    [field('aa'), 'ab', 'target'],
    [field('aa'), 'bc', 'both'],
    // Another value than was sent is shown.
    [field('aA'), 'aA', 'neither'],
    [field('aA'), 'bA', 'source'],
    [field('aA'), 'aB', 'target'],
    [field(undefined), 'ab', undefined],
    // A write of `b` to the target was interrupted: it was carried out, or not.
    [field('aa', 'bb'), 'ba', 'source'],
    [field('aa', 'bb'), 'cb', 'source'],
    [field('aa', 'bb'), 'ca', 'source'],
    [field('aa', 'bb'), 'aa', 'neither'],
    [field('aa', 'bb'), 'bc', 'unsure'],
    [field('aa', 'bb'), 'cd', 'unsure'],
    [field(undefined, 'bb'), 'cb', 'source'],
    [field(undefined, 'bb'), 'bc', undefined],
    // The same, seen from the opposite mapping, whose source was written.
    [field('aa', 'bb', 'wanted'), 'bc', 'target'],
    [field('aa', 'bb', 'wanted'), 'ab', 'target'],
    [field('aa', 'bb', 'wanted'), 'cb', 'unsure'],
    [field('aa', 'ba', 'wanted'), 'ca', 'source'],
  ]
  for (const [known, now, expected] of rows)
    it(`${JSON.stringify(known)}: ${now} is ${expected}`, () => assert.equal(changedSince(known, sides(now)), expected))
})

describe('a change of several fields', () => {
  const rows: readonly (readonly [Parameters<typeof changedTogether>[0], ReturnType<typeof changedTogether>])[] = [
    [[], 'neither'],
    [['neither', 'neither'], 'neither'],
    [['neither', 'source'], 'source'],
    [['target', 'neither'], 'target'],
    [['target', 'source'], 'both'],
    [['both', 'neither'], 'both'],
    [['both', 'unsure'], 'unsure'],
    [['unsure', undefined], undefined],
  ]
  for (const [all, expected] of rows)
    it(`${JSON.stringify(all)} is ${expected}`, () => assert.equal(changedTogether(all), expected))
})

describe('the mappings of a pair', () => {
  const [LOCAL, REMOTE] = ['managed/user', 'external/idm/eu/managed/user']
  const mapping = (name: string, source: string, target: string, more: JsonObject = {}): Mapping =>
    mappingSchema.parse({ name, source, target, ...more })
  const pair = (there: JsonObject, back: JsonObject = {}) => {
    const own = mapping('there', LOCAL, REMOTE, there)
    const found = pairOf(own, [own, mapping('back', REMOTE, LOCAL, { links: 'there', ...back })])
    return found && `${found.opposite.name} ${found.rule}`
  }
  const rows: readonly (readonly [what: string, there: JsonObject, back: JsonObject, expected: string | undefined])[] =
    [
      ['one of which carries nothing over as it happens', {}, {}, undefined],
      ['one of which is off', { enableSync: false }, { captureChanges: true }, undefined],
      ['both of which carry over as it happens', {}, { captureChanges: true }, 'back exception'],
      ['one of which asks for what has changed', {}, { incremental: { changedField: 'changed' } }, 'back exception'],
      ['with a rule', { conflict: 'source' }, {}, 'back source'],
      ['with a rule in the other', {}, { conflict: 'source' }, 'back target'],
      ['with a rule in the other for its target', {}, { conflict: 'target' }, 'back source'],
      ['with two rules', { conflict: 'exception' }, { conflict: 'target' }, 'back exception'],
      ['that do not share their links', { conflict: 'source' }, { links: null }, undefined],
      ['that keep no links', { conflict: 'source', enableLinking: false }, {}, undefined],
      ['that go the same way', { conflict: 'source' }, { source: LOCAL, target: REMOTE }, undefined],
    ]
  for (const [what, there, back, expected] of rows) it(what, () => assert.equal(pair(there, back), expected))

  it('are one of them alone no pair', () => {
    const own = mapping('there', LOCAL, REMOTE, { conflict: 'source' })
    assert.equal(pairOf(own, [own]), undefined)
  })
})
