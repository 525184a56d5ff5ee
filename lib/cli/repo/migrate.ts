/** `repo migrate`: creates the tables on a server, or upgrades them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine } from '../../core/command-line.ts'
import { DATABASE } from '../../gateway/project/project.ts'
import { startError } from '../../gateway/project/start-error.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from '../command.ts'
import { placeOfProject } from './project-place.ts'

/** Resolves to the exit status. */
export async function repoMigrate(options: ProjectOptions, { stdout, stderr, env, cwd }: CommandIo): Promise<number> {
  const dir = await projectDirOf(options, cwd)
  const place = await placeOfProject(dir, env)
  if ('file' in place) {
    stdout.write(`${place.file}: a gateway upgrades its tables when it starts; there is nothing to do\n`)
    return 0
  }
  const { displayName } = await import('../../repo/postgres/pool.ts')
  const { migratePostgres } = await import('../../repo/postgres/migrate.ts')
  const name = displayName(place)
  try {
    const { from, to, hasChangedJobs } = await migratePostgres(place)
    const done =
      from === to && !hasChangedJobs
        ? `its tables are up to date`
        : from === 0
          ? 'its tables were created'
          : 'its tables were upgraded'
    stdout.write(`${name}: ${done} (version ${to})\n`)
    const file = join(dir, 'db', DATABASE)
    if (from === 0 && existsSync(file))
      stderr.write(`What is in ${file} is not copied: see  ${commandLine({ cwd })} repo export --help\n`)
    return 0
  } catch (error) {
    throw startError(name, error)
  }
}
