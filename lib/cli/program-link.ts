import { type Command, Option } from 'commander'
import { type Context, defineForGateway, prose } from './define.ts'
import type { ApiOptions } from './gateway-api.ts'
import type { LinkImportOptions } from './link/import.ts'
import type { LinkPurgeOptions } from './link/purge.ts'

export function addLink(program: Command, context: Context): void {
  const { io } = context
  const link = program
    .command('link')
    .description('take links over, and remove those of removed mappings')
    .usage('<command>')
  defineForGateway<LinkImportOptions>(link, 'import <file>', context, async (options, file = '') =>
    (await import('./link/import.ts')).linkImport(file, options, io),
  )
    .summary('take links over from a file')
    .description(
      prose(`Adds the links in a file to a mapping, so that its first run finds the pairs that another IDM has made. The file
is JSON as the vendor's repo/link answers a query (a list, or an object with result), or CSV with a header. It has
linkType, linkQualifier, firstId and secondId; only the last two are needed.

A link that exists is counted as unchanged. An entry that is invalid, or links an object that is linked to another one
already, is named with its line and left out. --dry-run compares entries with the links that are stored.

Exit status 0: all entries were taken over; 1: one was not, or the file has no link of this type.`),
    )
    .requiredOption('--mapping <name>', 'the mapping whose links they become')
    .option('--type <type>', 'linkType in the file (default: that of the mapping); others are left out')
    .option('--dry-run', 'say what would be added, and write nothing')
  defineForGateway<ApiOptions>(link, 'list', context, async (options) =>
    (await import('./link/purge.ts')).linkList(options, io),
  ).description('count the links by type, with the mappings that use them')
  defineForGateway<LinkPurgeOptions>(link, 'purge', context, async (options) =>
    (await import('./link/purge.ts')).linkPurge(options, io),
  )
    .summary('remove the links of removed mappings')
    .description(
      prose(`Removes links that no configured mapping uses: shows how many there are of each type, and asks. The links of a
mapping that is configured are never removed, whether it is in force or not.`),
    )
    .addOption(new Option('--mapping <name>', 'the links of this removed mapping').conflicts('removed'))
    .option('--removed', 'the links of all removed mappings')
    .option('--yes', 'remove them without asking')
}
