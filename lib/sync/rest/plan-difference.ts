import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import { placeOfRow, type RunRows } from '../../repo/runs/run-rows.ts'
import { rowWindows } from '../row-windows.ts'
import { NO_COOKIE } from './entries.ts'
import type { Streamed } from './query-stream.ts'

/** One of two plans. */
export interface Side {
  readonly rows: RunRows
  /** As it is shown in the answer. */
  readonly show: (row: Row) => JsonObject
}

const WINDOW = 500

/**
 * What differs between two plans of one mapping, row by row: first what the first plan changes or adds in the order of its
 * rows, then what only the other one has. A cookie is `0/KEY` or `1/KEY`: the plan, and the last row of the page.
 */
export async function* differenceStream(
  [plan, other]: readonly [Side, Side],
  after: string | null,
): AsyncGenerator<Streamed, void> {
  const [, side = '0', key = '0'] = /^([01])\/(\d+)$/.exec(after ?? '0/0') ?? []
  if (after !== null && !/^[01]\/\d+$/.test(after)) throw badRequest(NO_COOKIE)
  if (side === '0')
    for await (const [row, counterpart] of pairs(plan, other, Number(key))) {
      if (counterpart && isSame(row, counterpart)) continue
      const change = counterpart ? 'changed' : 'added'
      yield streamed(`0/${row.key}`, change, plan.show(row), counterpart ? other.show(counterpart) : null)
    }
  for await (const [row, counterpart] of pairs(other, plan, side === '1' ? Number(key) : 0))
    if (!counterpart) yield streamed(`1/${row.key}`, 'removed', null, other.show(row))
}

/** The rows of one plan, each with the row of the other that is about the same object. */
async function* pairs(one: Side, other: Side, after: number): AsyncGenerator<[Row, Row | undefined], void> {
  for await (const window of rowWindows((last) => one.rows.after(last, WINDOW), after)) {
    const found = await other.rows.atPlaces(window.map(placeOfRow))
    for (const row of window) yield [row, found.get(placeOfRow(row))]
  }
}

const COMPARED = ['situation', 'action', 'sourceId', 'targetId', 'status', 'changes', 'writes', 'failure'] as const

const isSame = (one: Row, other: Row): boolean => COMPARED.every((name) => isDeepStrictEqual(one[name], other[name]))

const streamed = (
  cookie: string,
  change: 'added' | 'removed' | 'changed',
  entry: JsonObject | null,
  other: JsonObject | null,
): Streamed => ({
  cookie,
  resource: { id: String((entry ?? other)?._id), revision: null, content: { change, entry, other } },
})
