/** Queued changes of the gateway: what waits, what was given up, and decisions about both. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { type CommandIo, UsageError } from '../command.ts'
import { confirmed } from '../confirm.ts'
import { type ApiOptions, type GatewayApi, type Params, withApi } from '../gateway-api.ts'
import { columnsOf } from '../output.ts'
import { json, printable, table } from '../text.ts'

const QUEUE = 'sync/queue'
const DEAD = 'repo/synchronisation/deadLetterQueue'

export interface ListOptions extends ApiOptions {
  readonly mapping?: string
}

export interface ChangeOptions extends ListOptions {
  readonly all?: boolean
  readonly dead?: boolean
  readonly yes?: boolean
}

/** Shows what waits for each mapping. */
export const queueStatus = (options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const { queues } = (await api.read(QUEUE)) ?? {}
    const all = Array.isArray(queues) ? queues.filter((queue) => isObject(queue)) : []
    io.stdout.write(options.json ? json(all) : statusText(all, columnsOf(io.stdout)))
    const isWell = ({ condition, dead }: JsonObject) => Number(dead) === 0 && IS_WELL.includes(String(condition))
    return all.every(isWell) ? 0 : 1
  })

/** A gateway that a command has started carries nothing out. */
const IS_WELL = ['running', 'stopped']

function statusText(queues: readonly JsonObject[], width: number | undefined): string {
  if (queues.length === 0) return 'No mapping has a queue.\n'
  const rows = queues.flatMap(({ mapping, condition, waiting, dead, oldest, reason }) => [
    [String(mapping), String(condition), String(waiting), String(dead), oldest === null ? '' : ageOf(String(oldest))],
    ...(typeof reason === 'string' && condition !== 'stopped' ? [`  ${printable(reason)}`] : []),
  ])
  return table([['MAPPING', 'STATE', 'WAITING', 'DEAD', 'OLDEST'], ...rows], { width })
}

/** Such as `3 min`. */
function ageOf(time: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000))
  const [unit, size] = (
    [
      ['d', 86_400],
      ['h', 3600],
      ['min', 60],
    ] as const
  ).find(([, length]) => seconds >= length) ?? ['s', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** Lists the changes that wait. */
export const queueList = (options: ListOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const { mapping } = options
    const filter = mapping === undefined ? 'true' : `mapping eq ${JSON.stringify(mapping)}`
    const row = ({ _id, mapping, syncAction, resourceId, state, remainingRetries, createDate }: JsonObject) =>
      [_id, mapping, actionOf(syncAction), resourceId, state, remainingRetries, createDate].map(String)
    const header = ['ID', 'MAPPING', 'CHANGE', 'OBJECT', 'STATE', 'RETRIES', 'SINCE']
    await printPages(api.pages(QUEUE, { _queryFilter: filter }), { header, row, none: 'Nothing waits.\n' }, options, io)
    return 0
  })

/** Lists dead letters. */
export const queueDead = (mapping: string | undefined, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const path = mapping === undefined ? DEAD : `${DEAD}/${encodeURIComponent(mapping)}`
    const row = ({ _id, mapping, syncAction, resourceId, failureCause }: JsonObject) =>
      [_id, mapping, actionOf(syncAction), resourceId, isObject(failureCause) ? failureCause.message : ''].map(String)
    const text = { header: ['ID', 'MAPPING', 'CHANGE', 'OBJECT', 'REASON'], row, none: 'There are no dead letters.\n' }
    await printPages(api.pages(path, { _queryFilter: 'true' }), text, options, io)
    return 0
  })

/** Lets dead letters be tried again. Resolves to 1 when there were none. */
export const queueRetry = (id: string | undefined, options: ChangeOptions, io: CommandIo): Promise<number> => {
  const selection = selectionOf(id, options)
  return withApi(options, io, async (api) => {
    const answer = await api.action(DEAD, 'retry', selection, null)
    io.stdout.write(options.json ? json(answer) : retriedText(Number(answer.retried)))
    return Number(answer.retried) > 0 ? 0 : 1
  })
}

const retriedText = (count: number): string =>
  `${count === 1 ? '1 dead letter waits' : `${count} dead letters wait`} to be tried again\n`

/** Removes changes that wait, or dead letters. An id may be that of either. Resolves to 1 when nothing was removed. */
export const queueDrop = (id: string | undefined, options: ChangeOptions, io: CommandIo): Promise<number> => {
  const selection = selectionOf(id, options)
  const { dead = false, yes = false } = options
  if (!yes && io.stdin.isTTY !== true) throw new UsageError('no terminal to ask at: give --yes to drop them')
  return withApi(options, io, async (api) => {
    const what = id ?? `all ${dead ? 'dead letters' : 'changes'} of ${options.mapping ?? 'all mappings'}`
    if (!yes && !(await confirmed(`Drop ${what}?`, io))) return 1
    const dropped = await drop(api, selection, id, dead)
    io.stdout.write(options.json ? json({ dropped }) : `${dropped} dropped\n`)
    return dropped > 0 ? 0 : 1
  })
}

async function drop(api: GatewayApi, selection: Params, id: string | undefined, isDead: boolean): Promise<number> {
  const waiting = isDead ? 0 : Number((await api.action(QUEUE, 'drop', selection, null)).dropped)
  if (waiting > 0 || !(isDead || id !== undefined)) return waiting
  return Number((await api.action(DEAD, 'drop', selection, null)).dropped)
}

/** Pauses or releases a mapping. */
export const queueSwitch = (
  action: 'pause' | 'release',
  mapping: string,
  options: ApiOptions,
  io: CommandIo,
): Promise<number> =>
  withApi(options, io, async (api) => {
    const answer = await api.action(QUEUE, action, { mapping }, null)
    const was = isObject(answer.pause) ? `: ${printable(String(answer.pause.reason))}` : ''
    const text =
      action === 'pause'
        ? `${mapping} is paused${was}\n`
        : `${mapping} ${was === '' ? 'was not paused' : `goes on. It was paused${was}`}\n`
    io.stdout.write(options.json ? json(answer) : text)
    return 0
  })

/** @throws UsageError unless exactly one selection is made */
function selectionOf(id: string | undefined, { mapping, all }: ChangeOptions): Params {
  const selections: Params[] = [
    ...(id === undefined ? [] : [{ id }]),
    ...(mapping === undefined ? [] : [{ mapping }]),
    ...(all ? [{ all: 'true' }] : []),
  ]
  const [selection] = selections
  if (selections.length === 1 && selection) return selection
  throw new UsageError('give an id, --mapping <name>, or --all')
}

const actionOf = (name: unknown): string => String(name).replace('notify', '').toLowerCase()

interface PageText {
  readonly header: readonly string[]
  readonly row: (entry: JsonObject) => string[]
  /** When there is nothing. */
  readonly none: string
}

/** Page by page: a million changes may wait. */
async function printPages(
  pages: AsyncIterable<readonly JsonObject[]>,
  { header, row, none }: PageText,
  options: ApiOptions,
  { stdout }: CommandIo,
): Promise<void> {
  let count = 0
  if (options.json) stdout.write('[\n')
  for await (const page of pages) {
    if (options.json)
      for (const [index, entry] of page.entries())
        stdout.write(`${count + index > 0 ? ',\n' : ''}${JSON.stringify(entry, null, 2)}`)
    else if (page.length > 0) {
      const rows = page.map((entry) => row(entry).map(printable))
      stdout.write(table(count === 0 ? [header, ...rows] : rows, { width: columnsOf(stdout) }))
    }
    count += page.length
  }
  if (options.json) stdout.write('\n]\n')
  else if (count === 0) stdout.write(none)
}
