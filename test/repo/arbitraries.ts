import fc, { type Arbitrary } from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { COMPARISONS, type FilterValue, type QueryFilter } from '../../lib/crest/filter/query-filter.ts'
import type { Pointer } from '../../lib/crest/pointer.ts'
import type { SortKey } from '../../lib/crest/protocol/request.ts'

/**
 * Objects and filters drawn from the same few names and values, so that they meet: letters whose small or capital form
 * is another length, several or none, surrogates whole and halved, what JSON and SQL have to escape, and numbers that
 * look like texts.
 */
const NAMES = ['userName', 'é', 'x"y', "it's", 'p\\q', 'a.b', '$', '0', '1', '07', '', 'a\u0001', '😀', '\ud83d']
export const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b',
  'ß',
  'SS',
  'İ',
  'i',
  'ı',
  'ſ',
  's',
  'K',
  'k',
  'ς',
  'σ',
  'ΑΣ',
  'ας',
  'µ',
  'μ',
]
export const ODD_TEXTS = [
  '😀',
  '\ud83d',
  '\ude00',
  '\ue000',
  '\uffff',
  '𐐀',
  '𐐨',
  '\0',
  'a\0b',
  '%',
  '_',
  "'",
  '"',
  '\\',
  '[',
  '1',
  'true',
  'null',
]
const NUMBERS = [0, 1, -1, 10, 9, 0.5, -0.5, 1e21, 1e-7, 2 ** 53, Number.MAX_VALUE, Number.MIN_VALUE, -1e300]
const LONG_NUMBERS = [
  '9007199254740993',
  '-9007199254740993',
  '0.50000000000000000001',
  '-0.50000000000000000001',
  '1.00000000000000000001',
  '0.99999999999999999999',
  '1e400',
  '12e400',
  '-1e400',
  '1e-400',
  '-1e-400',
].map((text) => JSON.rawJSON(text))

/** Mostly the same two, or else hardly any filter would find anything. */
const names = fc.oneof(
  { arbitrary: fc.constantFrom('a', 'b'), weight: 2 },
  { arbitrary: fc.constantFrom(...NAMES), weight: 1 },
)
const texts = fc.oneof(fc.constantFrom(...TEXTS, ...ODD_TEXTS), fc.string({ unit: 'binary', maxLength: 3 }))
const scalars: Arbitrary<FilterValue> = fc.oneof(
  texts,
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...LONG_NUMBERS),
  fc.boolean(),
)

const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalars, weight: 4 },
    { arbitrary: fc.constant(null), weight: 1 },
    { arbitrary: fc.array(tie('json'), { maxLength: 3 }), weight: 2 },
    { arbitrary: fc.dictionary(names, tie('json'), { maxKeys: 3, noNullPrototype: true }), weight: 2 },
  ),
}))
export const values: Arbitrary<Json> = json
export const contents: Arbitrary<JsonObject> = fc.dictionary(names, json, { maxKeys: 5, noNullPrototype: true })

const ids = fc.oneof(
  fc.constantFrom('a', 'A', 'ab', 'aB', 'ß', 'K', 'k', '😀', '\ue000', "'", '"', '\\', '1'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }),
)
/** Up to a dozen objects with ids of which some differ in case only. */
export const collections: Arbitrary<{ id: string; content: JsonObject }[]> = fc.uniqueArray(
  fc.record({ id: ids.filter((id) => id.isWellFormed() && !id.includes('\0')), content: contents }),
  { selector: ({ id }) => id, maxLength: 12 },
)

const names0 = fc.oneof({ arbitrary: names, weight: 8 }, { arbitrary: fc.constantFrom('_id', '_rev'), weight: 2 })
export const fields: Arbitrary<Pointer> = fc.oneof(
  { arbitrary: names0.map((name) => [name]), weight: 5 },
  { arbitrary: fc.tuple(names0, names), weight: 3 },
  { arbitrary: fc.tuple(names0, names, names), weight: 1 },
  { arbitrary: fc.constant([]), weight: 1 },
)

const record = <T>(model: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as Arbitrary<T>

export const { filter: filters } = fc.letrec<{ filter: QueryFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: record({ operator: fc.constantFrom(...COMPARISONS), field: fields, value: scalars }), weight: 6 },
    {
      arbitrary: record({
        operator: fc.constant('in' as const),
        field: fields,
        values: fc.array(scalars, { maxLength: 3 }),
      }),
      weight: 1,
    },
    { arbitrary: record({ operator: fc.constant('pr' as const), field: fields }), weight: 1 },
    { arbitrary: record({ operator: fc.constant('literal' as const), value: fc.boolean() }), weight: 1 },
    { arbitrary: record({ operator: fc.constant('not' as const), filter: tie('filter') }), weight: 2 },
    {
      arbitrary: record({ operator: fc.constant('element' as const), field: fields, filter: tie('filter') }),
      weight: 1,
    },
    {
      arbitrary: record({
        operator: fc.constantFrom('and' as const, 'or' as const),
        filters: fc.array(tie('filter'), { maxLength: 4 }),
      }),
      weight: 3,
    },
  ),
}))

export const sortKeys: Arbitrary<SortKey[]> = fc.array(
  record({ field: fields.filter((field) => field.length > 0), ascending: fc.boolean() }),
  { maxLength: 3 },
)
