import type { Json, JsonObject } from '../../../lib/contract.ts'

/** How a value changes when it is stored. */
export type Normalisation = 'trim' | 'lowerCase' | 'sort' | ((value: Json) => Json)

/** A create or PUT is checked as a whole, a PATCH only for the fields it names that are present afterwards. */
export interface Policies {
  readonly required?: readonly string[]
  readonly unique?: readonly string[]
  readonly minLength?: Readonly<Record<string, number>>
  /** A value must not contain the values of these fields; an empty value is contained in every other. */
  readonly cannotContain?: Readonly<Record<string, readonly string[]>>
}

/** Can be changed at any time; `defaultSwitches` has the defaults. */
export interface Switches {
  /** Which product it follows where the two differ: OpenIDM 7.0.1 or PingIDM 8.1. */
  like: 'openidm' | 'pingidm'
  /** Fields that are never returned; a PUT without them removes them. For example `password`. */
  invisible: readonly string[]
  /** Fields that are never returned; a PUT without them keeps them. */
  writeOnly: readonly string[]
  /** Fields that are accepted but not stored. */
  swallowed: readonly string[]
  /** Fields whose stored value differs from the value sent. */
  normalised: Readonly<Record<string, Normalisation>>
  /** Set on create when absent, never on update. */
  defaults: JsonObject
  /** By collection; `USER_POLICIES` are those of OpenIDM's users. */
  policies: Readonly<Record<string, Policies>>
  /** `counter`: small integers; `opaque`: long strings; `none`: no `_rev`, and conditions are ignored. */
  revisions: 'counter' | 'opaque' | 'none'
  /** `supported`, or the status that rejects every PATCH. */
  patch: 'supported' | 400 | 405 | 501
  /** `accepted`, or the status that rejects a create with a client-provided id. */
  clientIds: 'accepted' | 400 | 403 | 405
  /** The field that holds the id: a create ignores the client's id, updating the field renames the object. */
  namedBy: string | undefined
  /** Filters by these fields find nothing, as by fields that the server does not know. */
  unsearchable: readonly string[]
  /** Milliseconds that its clock, as its `Date` headers show it, is ahead; `none` = they are absent. */
  clockSkew: number | 'none'
  /** Required from callers (401 otherwise); undefined accepts any caller. */
  credentials: { readonly userName: string; readonly password: string } | undefined
}

export interface FakeIdmOptions extends Partial<Switches> {
  /** Collections that exist from the start, in addition to those of `relationships`; `seed` adds more. */
  readonly collections?: readonly string[]
  /**
   * Both ends of each relationship; `*` marks a list: `{ 'managed/user/roles*': 'managed/role/members*' }`. An end
   * without a field (`internal/role/`) makes it one-way.
   */
  readonly relationships?: Readonly<Record<string, string>>
}

export const defaultSwitches = (like: Switches['like'] = 'openidm'): Switches => ({
  like,
  invisible: [],
  writeOnly: [],
  swallowed: [],
  normalised: {},
  defaults: {},
  policies: {},
  revisions: like === 'openidm' ? 'counter' : 'opaque',
  patch: 'supported',
  clientIds: 'accepted',
  namedBy: undefined,
  unsearchable: [],
  clockSkew: 0,
  credentials: undefined,
})

export const DEFAULT_RELATIONSHIPS: Readonly<Record<string, string>> = Object.fromEntries(
  ['', 'alpha_'].flatMap((realm) => [
    [`managed/${realm}user/roles*`, `managed/${realm}role/members*`],
    [`managed/${realm}user/manager`, `managed/${realm}user/reports*`],
    [`managed/${realm}role/assignments*`, `managed/${realm}assignment/roles*`],
  ]),
)

export const USER_POLICIES: Policies = {
  required: ['userName', 'givenName', 'sn', 'mail'],
  unique: ['userName'],
  minLength: { password: 8 },
  cannotContain: { password: ['userName', 'givenName', 'sn'] },
}

/** Users differ: an unchanged PUT is not written, one without `_id` empties the roles, edges move the revision. */
export const isUser = (collection: string): boolean => /(^|[/_])user$/.test(collection)
