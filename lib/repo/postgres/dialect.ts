import { PLAIN } from '../sql/runs/sealer.ts'
import type { ColumnType, Dialect } from '../sql/statements/dialect.ts'
import { all } from '../sql/statements/work.ts'

const TYPES: Readonly<Record<ColumnType, string>> = { integer: 'bigint', text: 'text', bytes: 'bytea' }

const BEGIN_OF_PLAIN = Buffer.of(PLAIN)

export const postgresDialect: Dialect = {
  // A statement has 65,535 parameters at most, and the widest row 21.
  insertSize: (left) => Math.min(left, 1000),
  list: (values) => values,
  each: (type) => eachOf(`unnest(?::${TYPES[type]}[])`, 'value', 'value'),
  among: (type, place = '?') => `= any(${place}::${TYPES[type]}[])`,
  pairs: (pairs) => [pairs.map(([one]) => one), pairs.map(([, other]) => other)],
  eachPair: eachOf('unnest(?::text[], ?::text[])', 'one, other', 'one, other'),
  typed: (place, type) => `${place}::${TYPES[type]}`,
  plain: (text) => Buffer.concat([BEGIN_OF_PLAIN, Buffer.from(text)]),
  joined: (...texts) => texts.join(' || chr(31) || '),
  indexedBy: () => '',
  forUpdate: ' for update',
  forUpdateOfFree: ' for update skip locked',
  // A row for each of 64 connections: with one for all, each write would wait for the commit of the one before.
  addEventCounts: `insert into sync_count (mapping, slot, waiting, dead) values (?1, pg_backend_pid() % 64, ?2, ?3)
    on conflict (mapping, slot) do update set waiting = sync_count.waiting + ?2, dead = sync_count.dead + ?3`,
  eventCounts: `(select mapping, sum(waiting)::bigint as waiting, sum(dead)::bigint as dead from (
    select mapping, waiting, dead from sync_queue union all select mapping, waiting, dead from sync_count) as part
    group by mapping)`,
  // Tables that grow faster than their statistics would be read as a whole. A subquery with an offset is planned alone.
  lookUp: (table, condition, kind) => {
    const rows = `lateral (select * from ${table} where ${condition} offset 0) as ${table.split(' ').at(-1)}`
    return kind === 'left' ? `left join ${rows} on true` : `cross join ${rows}`
  },
  contains: (column) => `position(?::text in ${column}) > 0`,
  outlivesProcess: true,
  *nextKeys(table, count) {
    const text = `select nextval(pg_get_serial_sequence(?, 'key')) as key from generate_series(1, ?::bigint)`
    return (yield* all<{ key: number }>(text, [table, count])).map(({ key }) => key)
  },
}

function eachOf(source: string, columns: string, shown: string): string {
  return `(select place - 1 as place, ${shown} from ${source} with ordinality as given (${columns}, place)) as wanted`
}
