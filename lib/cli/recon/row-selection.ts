/** Which rows of a plan are shown, as a query filter. */

const FILTERS = {
  changes: `(action eq "CREATE" or ${updates()} or action eq "DELETE" or action eq "LINK" or action eq "UNLINK")`,
  creates: 'action eq "CREATE"',
  updates: updates(),
  deletes: 'action eq "DELETE"',
  links: '(action eq "LINK" or action eq "UNLINK")',
  failures: 'status eq "FAILURE"',
  deferred: 'status eq "DEFERRED"',
  skipped: 'status eq "SKIPPED"',
  unknown: 'status eq "UNKNOWN"',
} as const

export type Kind = keyof typeof FILTERS

export const KINDS = Object.keys(FILTERS) as readonly Kind[]

/** What `execute` can be limited to. */
export const EXECUTABLE = ['creates', 'updates', 'deletes', 'links'] as const

/** An update of a linked pair that differs in nothing is no change. */
function updates(): string {
  const unchanged = 'situation eq "CONFIRMED" and status eq "SUCCESS" and !(changes[/field pr])'
  return `(action eq "UPDATE" and !(${unchanged}))`
}

export interface RowOptions {
  readonly only?: Kind
  /** `/name`, with or without the slash. */
  readonly field?: string
  /** Of a source or a target. */
  readonly id?: string
}

/** A query filter for the entries of a plan. */
export function rowFilter({ only, field, id }: RowOptions): string {
  const conditions = [
    only === undefined ? [] : FILTERS[only],
    field === undefined ? [] : changesOf(field.startsWith('/') ? field : `/${field}`),
    id === undefined ? [] : `(sourceObjectId eq ${quoted(id)} or targetObjectId eq ${quoted(id)})`,
  ].flat()
  return conditions.length === 0 ? 'true' : conditions.join(' and ')
}

/** The field, or one within it. */
const changesOf = (field: string): string => `changes[/field eq ${quoted(field)} or /field sw ${quoted(`${field}/`)}]`

/** A backslash quotes any character. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
