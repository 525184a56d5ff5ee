import type { Json, JsonObject } from '../../../lib/contract.ts'

/** What a stored value is turned into. */
export type Normalisation = 'trim' | 'lowerCase' | 'sort' | ((value: Json) => Json)

/** Checked on what is created or replaced as a whole; a PATCH is checked for the fields it names that are still there. */
export interface Policies {
  readonly required?: readonly string[]
  readonly unique?: readonly string[]
  readonly minLength?: Readonly<Record<string, number>>
  /** A value must not contain the values of these other fields; one that is empty is contained in everything. */
  readonly cannotContain?: Readonly<Record<string, readonly string[]>>
}

/** Can be changed at any time; the default stands in `DEFAULT_SWITCHES`. */
export interface Switches {
  /** Whose habits it has where the two differ: `openidm` 7.0.1 or `pingidm` 8.1. */
  like: 'openidm' | 'pingidm'
  /** Fields that no answer shows and that a PUT without them removes, such as `password`. */
  invisible: readonly string[]
  /** Fields that no answer shows and that a PUT without them keeps. */
  writeOnly: readonly string[]
  /** Fields that are accepted and not stored. */
  swallowed: readonly string[]
  /** Fields that are stored otherwise than they were sent. */
  normalised: Readonly<Record<string, Normalisation>>
  /** Set by a create that lacks them, never by an update. */
  defaults: JsonObject
  /** By collection; `USER_POLICIES` are those of OpenIDM's users. */
  policies: Readonly<Record<string, Policies>>
  /** `counter`: small integers; `opaque`: long texts; `none`: objects have no `_rev` and conditions are ignored. */
  revisions: 'counter' | 'opaque' | 'none'
  /** Or the status that refuses every PATCH. */
  patch: 'supported' | 400 | 405 | 501
  /** Or the status that refuses a create with an id of the client's choice. */
  clientIds: 'accepted' | 400 | 403 | 405
  /** The id is the value of this field: a create ignores the client's id, an update of the field renames the object. */
  namedBy: string | undefined
  /** Anybody else is answered with 401; undefined: everybody is welcome. */
  credentials: { readonly userName: string; readonly password: string } | undefined
}

export interface FakeIdmOptions extends Partial<Switches> {
  /** Collections that are there from the beginning, beside those of `relationships`; `seed` adds more. */
  readonly collections?: readonly string[]
  /** Both ends of each relationship, a list marked by `*`: `{ 'managed/user/roles*': 'managed/role/members*' }`. */
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

/** Users have habits of their own: an unchanged PUT is not written, roles go with the `_id`, edges move the revision. */
export const isUser = (collection: string): boolean => /(^|[/_])user$/.test(collection)
