/**
 * How much one request, one caller or one address may cost. Beyond a bound the answer is 400, 413 or 429 and names it.
 * SECURITY.md lists them all.
 */

/** Bytes of a request body that is read as JSON. Bodies for remote instances are streamed and have no bound. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Levels of lists and objects within each other: what copies, compares or prints JSON does so recursively. */
export const MAX_NESTING = 500

/** Sort keys of a query. */
export const MAX_SORT_KEYS = 16
/** Fields of `_fields`. */
export const MAX_FIELDS = 500
/** Characters of a query filter. */
export const MAX_FILTER_LENGTH = 256 * 1024
/** Comparisons and Boolean operators of a query filter. */
export const MAX_FILTER_NODES = 10_000
/** Values of one `in` list. */
export const MAX_IN_VALUES = 10_000

/** Operations of a PATCH. */
export const MAX_PATCH_OPERATIONS = 5_000
/** Characters of JSON that the operations `copy` and `move` of a PATCH write. */
export const MAX_PATCH_COPIED = 1024 * 1024
/** Values (each text, number, list and object) that they write. */
export const MAX_PATCH_COPIED_VALUES = 20_000
/** Characters of JSON of an object that a PATCH enlarges. */
export const MAX_PATCHED_LENGTH = 16 * 1024 * 1024
/** List elements that the operations of a PATCH compare; an object counts as ten. */
export const MAX_PATCH_COMPARISONS = 1_000_000

/** Password hashes computed at the same time; the others of Node's four threads read files and resolve names. */
export const MAX_CONCURRENT_HASHES = 3
/** Logins that are checked at the same time. */
export const MAX_CONCURRENT_LOGINS = 2
/** Logins that wait for their check. */
export const MAX_WAITING_LOGINS = 64
/** Failed logins of one address whose answers are held back at the same time. */
export const MAX_DELAYED_FAILURES = 20
/** Bearer tokens that the token server is asked about at the same time. */
export const MAX_PENDING_INTROSPECTIONS = 256

/** Calls of `openidm` functions and the like in one run of a script. */
export const MAX_SCRIPT_CALLS = 100_000
