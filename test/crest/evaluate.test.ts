import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { compareValues } from '../../lib/crest/filter/compare.ts'
import { evaluable, matches } from '../../lib/crest/filter/evaluate.ts'
import { parseQueryFilter } from '../../lib/crest/filter/query-filter.ts'
import { queryFilters } from './filters.ts'

const user: JsonObject = {
  _id: 'u1',
  _rev: '7',
  userName: 'Amira',
  street: 'Weiße Gasse',
  greek: 'ΟΔΟΣ',
  age: 42,
  active: true,
  nothing: null,
  tags: ['red', 'Green', null],
  ids: [1, 20],
  address: { city: 'London' },
  emails: [
    { type: 'home', value: 'a@home.example', verified: true },
    { type: 'work', value: 'a@work.example', verified: false },
  ],
}

describe('evaluation of a query filter', () => {
  const cases: [filter: string, expected: boolean][] = [
    ['_id eq "u1" and _rev eq "7"', true],
    ['userName in \'["bo","AMIRA"]\'', true],
    ['userName in \'["bo"]\'', false],
    ['userName in "[]"', false],
    ['age in "[41,42]"', true],
    ['age in \'["42"]\'', false],
    ['tags in \'["green"]\'', true],
    ['tags eq "green"', true],
    ['tags co "RE"', true],
    ['tags/1 eq "green"', true],
    ['tags/9 pr', false],
    ['tags/length pr', false],
    ['ids ge 20', true],
    ['ids le 0', false],
    ['address pr', true],
    ['address eq "London"', false],
    ['address/city sw "LON"', true],
    ['nothing pr', false],
    ['nothing eq "null"', false],
    ['active eq true', true],
    ['active ge true', true],
    ['active gt true', false],
    ['street eq "weiße gasse"', true],
    ['street eq "weisse gasse"', false],
    ['greek eq "οδος"', true],
    ['emails[/type eq "home" and /verified eq true]', true],
    ['emails[/type eq "work" and /verified eq true]', false],
    ['emails[(/type eq "work")]', true],
    ['tags[/ eq "red"]', true],
    ['address[/city pr]', false],
    ['missing[/x pr]', false],
    ['! (missing pr)', true],
    ['userName EndsWith "ra"', false],
    ['!(userName EndsWith "ra")', true],
    ['toString pr', false],
    ['userName/length gt 0', false],
  ]
  for (const [filter, expected] of cases)
    it(`${filter} is ${expected}`, () => assert.equal(matches(parseQueryFilter(filter), user), expected))

  const refused = [
    'a EndsWith "x"',
    '!(a EndsWith "x")',
    'b pr or (c pr and a ContainsAllValues "x")',
    'b[/a EndsWith "x"]',
  ]
  for (const filter of refused)
    it(`${filter} cannot be evaluated: it is refused, in whatever place the operator stands`, () => {
      const message = /^The operator \w+ is not supported here/
      assert.throws(() => evaluable(parseQueryFilter(filter)), { code: 400, message })
    })

  it('not is the opposite, and "and" the opposite of "or" of the opposites', () =>
    fc.assert(
      fc.property(queryFilters, queryFilters, fc.object(), (left, right, object) => {
        const json: JsonObject = JSON.parse(JSON.stringify(object))
        const not = (filter: typeof left) => ({ operator: 'not', filter }) as const
        const both = matches({ operator: 'and', filters: [left, right] }, json)
        assert.equal(both, matches(left, json) && matches(right, json))
        assert.equal(both, matches(not({ operator: 'or', filters: [not(left), not(right)] }), json))
      }),
    ))

  it('the order of values is total', () => {
    const value = fc.oneof<fc.Arbitrary<Json>[]>(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom<Json>(null, {}, []),
    )
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        assert.equal(Math.sign(compareValues(a, b)), -Math.sign(compareValues(b, a)) || 0)
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) assert.ok(compareValues(a, c) <= 0)
      }),
    )
  })
})
