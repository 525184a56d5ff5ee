import type { Command } from 'commander'
import { type Context, defineForGateway, prose } from '../define.ts'
import type { ApiOptions } from '../gateway-api.ts'
import type { ChangeOptions, ListOptions } from './queue.ts'

export function addQueue(program: Command, context: Context): void {
  const { io } = context
  const load = () => import('./queue.ts')
  const queue = program
    .command('queue')
    .summary('look at queued changes, and decide about them')
    .description(
      prose(`Changes of mappings with "queuedSync" wait in the project's database until they are carried over. What cannot be
carried over becomes a dead letter, which stays until somebody lets it be tried again, or drops it.

A mapping that would delete more targets within an hour than maxDeletesPerHour allows is paused until it is released.`),
    )
    .usage('<command>')
  defineForGateway<ApiOptions>(queue, 'status', context, async (options) =>
    (await load()).queueStatus(options, io),
  ).description('show what waits for each mapping. Exit status 1: a mapping is not running, or has dead letters')
  defineForGateway<ListOptions>(queue, 'list', context, async (options) => (await load()).queueList(options, io))
    .description('list the changes that wait, the oldest first')
    .option('--mapping <name>', 'those of this mapping')
  defineForGateway<ApiOptions>(queue, 'dead', context, async (options, mapping) =>
    (await load()).queueDead(mapping, options, io),
  )
    .argument('[mapping]')
    .description('list dead letters, and why they were given up')
  withSelection(
    defineForGateway<ChangeOptions>(queue, 'retry', context, async (options, id) =>
      (await load()).queueRetry(id, options, io),
    ),
    'dead letters',
  ).description('let dead letters be tried again')
  withSelection(
    defineForGateway<ChangeOptions>(queue, 'drop', context, async (options, id) =>
      (await load()).queueDrop(id, options, io),
    ),
    'changes',
  )
    .option('--dead', 'dead letters in place of changes that wait')
    .option('--yes', 'drop them without asking')
    .summary('remove changes that wait, or dead letters')
    .description(
      prose(`Removes changes that wait, or dead letters: they are not carried over any more. Targets get them with the next
reconciliation of the mapping.`),
    )
  for (const [name, text] of [
    ['pause', 'let the changes of a mapping wait until it is released'],
    ['release', 'let a paused mapping go on; what it has deleted within the hour no longer counts'],
  ] as const)
    defineForGateway<ApiOptions>(queue, `${name} <mapping>`, context, async (options, mapping = '') =>
      (await load()).queueSwitch(name, mapping, options, io),
    ).description(text)
}

const withSelection = (command: Command, what: string): Command =>
  command
    .argument('[id]')
    .option('--mapping <name>', `all ${what} of this mapping`)
    .option('--all', `all ${what} of all mappings`)
