import type { LongNumber } from '../../core/long-number.ts'
import type { Pointer } from '../pointer.ts'

/** The operand of a comparison. */
export type FilterValue = string | number | boolean | LongNumber

export const COMPARISONS = ['eq', 'co', 'sw', 'lt', 'le', 'gt', 'ge'] as const
export type ComparisonOperator = (typeof COMPARISONS)[number]

/** `userName eq "amira"`; a list matches when any of its elements does. */
export interface ComparisonFilter {
  readonly operator: ComparisonOperator
  readonly field: Pointer
  readonly value: FilterValue
  /** IDM's notation of the number where it differs from JavaScript's: `5.0`, `9223372036854775807`. */
  readonly literal?: string
}

/** `userName pr`: the field exists and is not null. */
export interface PresenceFilter {
  readonly operator: 'pr'
  readonly field: Pointer
}

/** `userName in '["amira","bo"]'`: equal to one element of the list. */
export interface InFilter {
  readonly operator: 'in'
  readonly field: Pointer
  readonly values: readonly FilterValue[]
}

/** Operators of some system endpoints. */
export const EXTENSIONS = ['EndsWith', 'ContainsAllValues'] as const

/** An operator of a system endpoint, which is passed on to remotes unchanged; local resources refuse it. */
export interface ExtensionFilter {
  readonly operator: 'extension'
  readonly name: string
  readonly field: Pointer
  readonly value: FilterValue
  readonly literal?: string
}

/** `emails[/type eq "home"]`: an element of the list matches the inner filter. */
export interface ElementFilter {
  readonly operator: 'element'
  readonly field: Pointer
  readonly filter: QueryFilter
}

export interface JunctionFilter {
  readonly operator: 'and' | 'or'
  /** Two or more in a parsed filter; an empty `and` is true, an empty `or` false. */
  readonly filters: readonly QueryFilter[]
}

export interface NotFilter {
  readonly operator: 'not'
  readonly filter: QueryFilter
}

/** `true` matches everything, `false` nothing. */
export interface LiteralFilter {
  readonly operator: 'literal'
  readonly value: boolean
}

export type QueryFilter =
  | ComparisonFilter
  | PresenceFilter
  | InFilter
  | ExtensionFilter
  | ElementFilter
  | JunctionFilter
  | NotFilter
  | LiteralFilter
