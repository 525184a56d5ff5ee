import type { Command } from 'commander'
import { type Context, define, PROJECT, prose } from './define.ts'
import type { BackupOptions } from './project/backup.ts'
import type { RestoreOptions } from './project/restore.ts'

export function addProject(program: Command, context: Context): void {
  const { io } = context
  const project = program.command('project').description('back up a project, and restore it').usage('<command>')
  define<BackupOptions>(project, 'backup <directory>', context, async (options, directory = '') =>
    (await import('./project/backup.ts')).projectBackup(directory, options, io),
  )
    .summary('copy a project into a new directory')
    .description(
      prose(`Copies conf/, security/, resolver/, script/ and the database into a new directory, with a list of the files and
their digests. A gateway on the project runs on meanwhile. The directory is complete when it has its name.

The copy holds passwords, certificates with their keys, and the data of people: treat it as secret. Without --with-keys
the keys for values at rest (security/crypto.keys) are left out: keep them at another place.`),
    )
    .option(...PROJECT)
    .option('--with-keys', 'copy the keys for values at rest, too')
  define<RestoreOptions>(project, 'restore <directory>', context, async (options, directory = '') =>
    (await import('./project/restore.ts')).projectRestore(directory, options, io),
  )
    .summary('put a backup in the place of a project')
    .description(
      prose(`Puts a backup in the place of a project. Before anything is replaced, all files are compared with their digests and
the database is checked. Stop the gateway first.

A backup without keys leaves those of the project in force.`),
    )
    .requiredOption('--project <dir>', 'project directory; created if missing')
    .option('--force', 'move what is there into before-restore-TIME/ of the project')
}
