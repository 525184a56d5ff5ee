import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseQueryFilter, printQueryFilter, type QueryFilter } from '../../lib/crest/filter/query-filter.ts'
import { cpuClock } from '../helpers/patience.ts'
import { queryFilters } from './filters.ts'

const eq = (name: string, value: string | number | boolean): QueryFilter => ({ operator: 'eq', field: [name], value })

describe('query filter', () => {
  const read: [text: string, filter: QueryFilter][] = [
    ['! (a eq 1)', { operator: 'not', filter: eq('a', 1) }],
    ['!(a eq 1) AND b eq 2', { operator: 'and', filters: [{ operator: 'not', filter: eq('a', 1) }, eq('b', 2)] }],
    ['! a eq 1', { operator: 'not', filter: eq('a', 1) }],
    ['((a eq 1))', eq('a', 1)],
    ['a eq 1 and b eq 2 and c eq 3', { operator: 'and', filters: [eq('a', 1), eq('b', 2), eq('c', 3)] }],
    [
      'a eq 1 and (b eq 2 or c eq 3)',
      { operator: 'and', filters: [eq('a', 1), { operator: 'or', filters: [eq('b', 2), eq('c', 3)] }] },
    ],
    ['a eq "London"and b eq 2', { operator: 'and', filters: [eq('a', 'London'), eq('b', 2)] }],
    ['a eq TRUE', eq('a', true)],
    ['TRUE', { operator: 'literal', value: true }],
    ['a PR', { operator: 'pr', field: ['a'] }],
    ['a in \'["x","y"]\'', { operator: 'in', field: ['a'], values: ['x', 'y'] }],
    ['a IN "[1, true]"', { operator: 'in', field: ['a'], values: [1, true] }],
    ['a EndsWith "x"', { operator: 'extension', name: 'EndsWith', field: ['a'], value: 'x' }],
    ['a endswith "x"', { operator: 'extension', name: 'EndsWith', field: ['a'], value: 'x' }],
    ['a ContainsAllValues "x"', { operator: 'extension', name: 'ContainsAllValues', field: ['a'], value: 'x' }],
    ['a eq "a\\\\b"', eq('a', 'a\\b')],
    ['a eq ""', eq('a', '')],
    ['a eq -0.0', { operator: 'eq', field: ['a'], value: -0 }],
    ['a eq 1.50e3', { operator: 'eq', field: ['a'], value: 1500, literal: '1500.0' }],
    ['a eq -9223372036854775808', { operator: 'eq', field: ['a'], value: JSON.rawJSON('-9223372036854775808') }],
    ['emails[/type eq "home"]', { operator: 'element', field: ['emails'], filter: eq('type', 'home') }],
    [
      'a[/b eq 1 and /c[/d pr]]or e pr',
      {
        operator: 'or',
        filters: [
          {
            operator: 'element',
            field: ['a'],
            filter: {
              operator: 'and',
              filters: [eq('b', 1), { operator: 'element', field: ['c'], filter: { operator: 'pr', field: ['d'] } }],
            },
          },
          { operator: 'pr', field: ['e'] },
        ],
      },
    ],
  ]
  for (const [text, filter] of read) it(`reads ${text}`, () => assert.deepEqual(parseQueryFilter(text), filter))

  const refused: [text: string, message: string][] = [
    ['', 'at position 0, an expression is missing'],
    ['a', 'at position 1, an operator is missing'],
    ['a eq', 'at position 4, a value is missing'],
    ['a eq "x', 'at position 5, the string that starts here has no end'],
    ['a eq "x\\', 'at position 5, the string that starts here has no end'],
    ['a eq x', 'at position 5, a quoted string, a number, true or false is expected'],
    ['a eq 1e5', 'at position 5, a quoted string, a number, true or false is expected'],
    ['a eq 1.0e999', 'at position 5, a quoted string, a number, true or false is expected'],
    ['a eq 1.2.3', 'at position 5, a quoted string, a number, true or false is expected'],
    ['a eq (1)', 'at position 5, a quoted string, a number, true or false is expected'],
    ['a in "x"', 'at position 5, a quoted JSON array'],
    ["a in '[{}]'", 'at position 5, a quoted JSON array'],
    ['a in 5', 'at position 5, a quoted JSON array'],
    [
      'a ne "x"',
      "at position 2, there is no operator 'ne' (eq, co, sw, lt, le, gt, ge, pr, in, EndsWith, ContainsAllValues)",
    ],
    ['/source/accountStatus ne "inactive"', "at position 22, there is no operator 'ne'"],
    ['a == 1', "at position 2, there is no operator '=='"],
    ['a ew "x"', "at position 2, there is no operator 'ew'"],
    ['a regex "x"', "at position 2, there is no operator 'regex'"],
    ['not a eq 1', "at position 4, there is no operator 'a'"],
    ['emails[/type ne "home"]', "at position 13, there is no operator 'ne'"],
    ['a eq 1 and !(b ne 2)', "at position 15, there is no operator 'ne'"],
    ['!name eq "a"', "at position 0, '!name' is no field; a negation is written !(name …)"],
    ['a eq 1 and !/name pr', "at position 11, '!/name' is no field; a negation is written !(/name …)"],
    ['(!name eq "a")', "at position 1, '!name' is no field"],
    ['a "eq" 1', 'at position 2, an operator is expected'],
    ['a pr b', "at position 5, 'and', 'or' or the end is expected"],
    ['(a pr', "at position 5, ')' is missing"],
    ['(a pr]', "at position 3, there is no operator 'pr]'"],
    ['a[/b pr', "at position 7, ']' is missing"],
    ['a[/b pr)', "at position 7, ']' is expected"],
    ['a pr)', "at position 4, 'and', 'or' or the end is expected"],
    ['[/a pr]', "at position 4, there is no operator 'pr]'"],
  ]
  for (const [text, message] of refused)
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(
        () => parseQueryFilter(text),
        (error: Error & { code?: number }) => {
          assert.equal(error.code, 400)
          assert.ok(error.message.includes(message), error.message)
          return true
        },
      ))

  it('takes any name of a field', () =>
    assert.deepEqual(parseQueryFilter('__proto__/constructor pr'), {
      operator: 'pr',
      field: ['__proto__', 'constructor'],
    }))

  it('prints what it reads back', () =>
    fc.assert(
      fc.property(queryFilters, (filter) => assert.deepEqual(parseQueryFilter(printQueryFilter(filter)), filter)),
    ))

  it('prints a text that is printed again alike', () => {
    for (const [text] of read) {
      const printed = printQueryFilter(parseQueryFilter(text))
      assert.equal(printQueryFilter(parseQueryFilter(printed)), printed)
    }
  })

  it('answers any text with a filter or a bad request', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'a /"\'\\()[]!1.-', 'and', ' or ', ' eq ', ' pr')), (parts) => {
        try {
          parseQueryFilter(parts.join(''))
        } catch (error) {
          assert.equal((error as { code?: number }).code, 400)
        }
      }),
    ))

  describe('made to hurt', () => {
    const hostile: [name: string, text: string][] = [
      ['100,000 parentheses', '('.repeat(100_000)],
      ['100,000 negations', '! '.repeat(100_000)],
      ['64 levels', `${'('.repeat(64)}a pr${')'.repeat(64)}`],
      ['64 levels of elements', `${'a[/'.repeat(64)}a pr${']'.repeat(64)}`],
      ['one megabyte of text', 'a'.repeat(1_000_000)],
      ['one megabyte of conditions', `${'a pr and '.repeat(111_111)}true`],
      ['a string without end', `a eq "${'\\"'.repeat(100_000)}`],
      ['a number without end', `a eq ${'1'.repeat(200_000)}`],
      ['a fraction that is none', `a eq ${'1'.repeat(200_000)}x.`],
      ['leading zeros', `a eq ${'0'.repeat(200_000)}x`],
    ]
    for (const [name, text] of hostile)
      it(`${name}: a bad request, at once`, () => {
        const spent = cpuClock()
        assert.throws(() => parseQueryFilter(text), { code: 400 })
        assert.ok(spent() < 2000)
      })

    it('63 levels and a batch of 5,000 ids are still filters', () => {
      parseQueryFilter(`${'('.repeat(63)}a pr${')'.repeat(63)}`)
      parseQueryFilter(Array.from({ length: 5000 }, (_, index) => `_id eq "${index}"`).join(' or '))
    })
  })
})
