/**
 * Limits of the cost of one request, caller or address. Beyond a limit the answer is 400, 413 or 429 and names it.
 * SECURITY.md lists all of them.
 */

/** Bytes of a request body that is parsed as JSON. Bodies for remote instances are streamed without limit. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Levels of nested lists and objects: code that copies, compares or prints JSON is recursive. */
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
/** Values (strings, numbers, lists, objects) that they write. */
export const MAX_PATCH_COPIED_VALUES = 20_000
/** Characters of JSON of an object that a PATCH enlarges. */
export const MAX_PATCHED_LENGTH = 16 * 1024 * 1024
/** List elements that the operations of a PATCH compare; an object counts as ten. */
export const MAX_PATCH_COMPARISONS = 1_000_000

/** Concurrent password hashes. The rest of Node's four threads is left for files and name resolution. */
export const MAX_CONCURRENT_HASHES = 3
/** Concurrent checks of logins. */
export const MAX_CONCURRENT_LOGINS = 2
/** Logins that wait for a check. */
export const MAX_WAITING_LOGINS = 64
/** Failed logins of one address with a delayed answer at the same time. */
export const MAX_DELAYED_FAILURES = 20
/** Concurrent introspections of bearer tokens. */
export const MAX_PENDING_INTROSPECTIONS = 256

/** Calls of `openidm` functions and the like in one run of a script. */
export const MAX_SCRIPT_CALLS = 100_000

/** Open streams of runs in one process. */
export const MAX_RUN_STREAMS = 200
/** Of these, those of one account. */
export const MAX_RUN_STREAMS_OF_ACCOUNT = 20
