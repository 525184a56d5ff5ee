/** The types of links, and the removal of those that no mapping uses. */
import type { JsonObject } from '../../contract.ts'
import { StartError } from '../../gateway/project/start-error.ts'
import { type CommandIo, UsageError } from '../command.ts'
import { confirmed } from '../confirm.ts'
import { type ApiOptions, type GatewayApi, withApi } from '../gateway-api.ts'
import { columnsOf } from '../output.ts'
import { json, table } from '../text.ts'

interface TypeCount {
  readonly linkType: string
  readonly count: number
  readonly mappings: readonly string[]
}

/** Lists the types of links with the mappings that use them. */
export const linkList = (options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi(options, io, async (api) => {
    const types = await countByType(api)
    io.stdout.write(options.json ? json(types) : countTable(types, columnsOf(io.stdout)))
    return 0
  })

export interface LinkPurgeOptions extends ApiOptions {
  readonly mapping?: string
  readonly removed?: boolean
  readonly yes?: boolean
}

/** Removes links of mappings that are not configured any more. Resolves to the exit status. */
export const linkPurge = (options: LinkPurgeOptions, io: CommandIo): Promise<number> => {
  const { mapping, removed = false, yes = false } = options
  if (mapping === undefined && !removed)
    throw new UsageError('give --mapping <name>, or --removed for all removed mappings')
  if (!yes && io.stdin.isTTY !== true) throw new UsageError('no terminal to ask at: give --yes to remove the links')
  return withApi(options, io, async (api) => {
    const types = await countByType(api)
    const unused = types.filter((type) =>
      mapping === undefined ? type.mappings.length === 0 : type.linkType === mapping,
    )
    const used = unused.find(({ mappings }) => mappings.length > 0)
    if (used)
      throw new StartError(
        `the links ${used.linkType} are not removed: the mapping ${used.mappings.join(', ')} uses them`,
      )
    if (unused.length > 0 && !yes) {
      io.stdout.write(countTable(unused, columnsOf(io.stdout)))
      if (!(await confirmed('Remove these links?', io))) return 1
    }
    const answers: JsonObject[] = []
    for (const { linkType } of unused) answers.push(await api.action('repo/link', 'purge', { linkType }, null))
    const lines = answers.map(({ linkType, removed: count }) => `${String(linkType)}: ${String(count)} links removed\n`)
    io.stdout.write(options.json ? json(answers) : lines.join('') || 'There are no such links.\n')
    return 0
  })
}

async function countByType(api: GatewayApi): Promise<TypeCount[]> {
  const { types } = await api.action('repo/link', 'countByType', {}, null)
  return types as unknown as TypeCount[]
}

const countTable = (types: readonly TypeCount[], width: number | undefined): string =>
  table(
    [
      ['LINK TYPE', 'LINKS', 'MAPPINGS'],
      ...types.map(({ linkType, count, mappings }) => [linkType, String(count), mappings.join(', ') || 'none']),
    ],
    { width },
  )
