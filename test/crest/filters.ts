import fc, { type Arbitrary } from 'fast-check'
import { COMPARISONS, EXTENSIONS, type FilterValue, type QueryFilter } from '../../lib/crest/filter/query-filter.ts'

/** Objects as the parser makes them: fast-check's own may lack a prototype. */
const record = <T>(model: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as Arbitrary<T>

const name = fc.string({ unit: 'grapheme', maxLength: 8 })
const field = fc.array(name, { maxLength: 3 })
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const value: Arbitrary<FilterValue> = fc.oneof(fc.string({ unit: 'grapheme' }), number, fc.boolean())
/** JSON knows no negative zero. */
const values = fc.array(value.filter((value) => !Object.is(value, -0)))

/** Any filter that a text can mean: junctions hold two operands or more. */
export const { filter: queryFilters } = fc.letrec<{ filter: QueryFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 6 },
    record({ operator: fc.constant('literal' as const), value: fc.boolean() }),
    record({ operator: fc.constant('pr' as const), field }),
    record({ operator: fc.constantFrom(...COMPARISONS), field, value }),
    record({ operator: fc.constant('in' as const), field, values }),
    record({ operator: fc.constant('extension' as const), name: fc.constantFrom(...EXTENSIONS), field, value }),
    record({ operator: fc.constant('not' as const), filter: tie('filter') }),
    record({ operator: fc.constant('element' as const), field, filter: tie('filter') }),
    record({
      operator: fc.constantFrom('and' as const, 'or' as const),
      filters: fc.array(tie('filter'), { minLength: 2, maxLength: 4 }),
    }),
  ),
}))
