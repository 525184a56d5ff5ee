import type { Command } from 'commander'
import type { ProjectOptions } from '../command.ts'
import { type Context, define, environment, PROJECT, prose } from '../define.ts'
import type { ExportCommandOptions } from './export.ts'

export function addRepo(program: Command, context: Context): void {
  const { io } = context
  const repo = program.command('repo').description('manage the database of a project').usage('<command>')
  const migrate = define<ProjectOptions>(repo, 'migrate', context, async (options) =>
    (await import('./migrate.ts')).repoMigrate(options, io),
  )
    .summary('create or upgrade the tables on PostgreSQL')
    .description(
      prose(`Creates the schema and the tables on the PostgreSQL server that conf/repo.json names, or upgrades them: all of it or
nothing. A gateway never does this by itself. Back up the database before you upgrade.`),
    )
    .option(...PROJECT)
  environment(migrate, context, [REPO_URL])
  const exporting = define<ExportCommandOptions>(repo, 'export', context, async (options) =>
    (await import('./export.ts')).repoExport(options, io),
  )
    .summary("copy the project's database file to PostgreSQL")
    .description(
      prose(`Copies db/openidm.db into empty tables on a PostgreSQL server, which it creates, and compares all rows. Stop the
gateway first. An export that was interrupted goes on when you run the command again; until it has ended, no gateway
starts on these tables. The file stays as it is.`),
    )
    .option(...PROJECT)
    .option('--to <url>', 'the server, such as postgresql://openidm@db/openidm (default: the one of conf/repo.json)')
  environment(exporting, context, [REPO_URL])
}

export const REPO_URL = ['OPENIDM_REPO_URL', 'the database, in place of the one that conf/repo.json names'] as const
