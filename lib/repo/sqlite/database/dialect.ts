import type { Dialect } from '../../sql/statements/dialect.ts'
import { first } from '../../sql/statements/work.ts'

export const sqliteDialect: Dialect = {
  // More gain nothing, and each statement is kept.
  insertSize: (left) => (left >= 100 ? 100 : left >= 10 ? 10 : 1),
  list: (values) => JSON.stringify(values),
  each: () => '(select key as place, value from json_each(?)) as wanted',
  among: (_type, place = '?') => `in (select value from json_each(${place}))`,
  pairs: (pairs) => [JSON.stringify(pairs)],
  eachPair: '(select key as place, value ->> 0 as one, value ->> 1 as other from json_each(?)) as wanted',
  typed: (place) => place,
  plain: (text) => text,
  joined: (...texts) => texts.join(' || char(31) || '),
  indexedBy: (index) => `indexed by ${index}`,
  forUpdate: '',
  forUpdateOfFree: '',
  addEventCounts: `insert into sync_queue (mapping, waiting, dead) values (?1, ?2, ?3)
    on conflict (mapping) do update set waiting = sync_queue.waiting + ?2, dead = sync_queue.dead + ?3`,
  eventCounts: 'sync_queue',
  // A cross join is done in the order it is written.
  lookUp: (table, condition, kind) => `${kind ?? 'cross'} join ${table} on ${condition}`,
  outlivesProcess: false,
  contains: (column) => `instr(${column}, ?) > 0`,
  /** No other rows are added while a transaction is open. */
  *nextKeys(table, count) {
    const text = 'select seq from sqlite_sequence where name = ?'
    const last = (yield* first<{ seq: number }>(text, [table]))?.seq ?? 0
    return Array.from({ length: count }, (_, index) => last + 1 + index)
  },
}
