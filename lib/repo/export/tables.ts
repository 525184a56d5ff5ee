/** A table as it is copied from a file to a server. */
export interface CopiedTable {
  readonly name: string
  /** The columns of its primary key: rows are copied in this order. */
  readonly key: readonly string[]
  /** Columns that a server keeps as bytes: see `Dialect.plain`. */
  readonly bytes?: readonly string[]
  /** The column whose numbers are given out by the database. */
  readonly identity?: string
}

/** The values of a row, in the order of its columns. */
export type CopiedRow = readonly unknown[]

/**
 * A query of the next rows, in the order of their keys.
 * @param last the key of the row before them; undefined = from the first
 */
export function nextRows(
  { name, key }: CopiedTable,
  columns: readonly string[],
  last: CopiedRow | undefined,
  limit: number,
): { readonly text: string; readonly parameters: readonly unknown[] } {
  const behind = last ? `where (${key.join(', ')}) > (${key.map(() => '?').join(', ')})` : ''
  const text = `select ${columns.join(', ')} from ${name} ${behind} order by ${key.join(', ')} limit ?`
  return { text, parameters: [...(last ?? []), limit] }
}

/** All tables but those for what runs under way see. Those that others refer to come first. */
export const COPIED_TABLES: readonly CopiedTable[] = [
  { name: 'object', key: ['key'], identity: 'key' },
  { name: 'indexed_property', key: ['key'], identity: 'key' },
  { name: 'property_value', key: ['property', 'order_key', 'object'] },
  { name: 'link', key: ['id'] },
  { name: 'agreement', key: ['link', 'mapping'] },
  { name: 'link_turn', key: ['link'] },
  { name: 'run', key: ['number'], bytes: ['content', 'resume'], identity: 'number' },
  { name: 'run_row', key: ['key'], bytes: ['reason', 'failure', 'changes', 'work'], identity: 'key' },
  { name: 'run_image', key: ['key'], bytes: ['image', 'outcome'] },
  { name: 'run_key', key: ['run', 'key'] },
  { name: 'sent_value', key: ['mapping', 'target', 'qualifier', 'field'] },
  { name: 'repository_secret', key: ['name'] },
  { name: 'sync_event', key: ['key'], bytes: ['old_object', 'new_object', 'last_error'], identity: 'key' },
  { name: 'sync_queue', key: ['mapping'] },
  { name: 'sync_deletion', key: ['mapping', 'minute'] },
  { name: 'incremental', key: ['mapping'] },
  { name: 'incremental_retry', key: ['mapping', 'source_id'] },
  { name: 'capture_intent', key: ['key'], identity: 'key' },
  { name: 'sweep_need', key: ['mapping'] },
]
