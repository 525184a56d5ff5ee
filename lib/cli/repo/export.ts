/** `repo export`: copies the database of a project to a server. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type RepositoryPlace, serverOf } from '../../gateway/configuration/repository-settings.ts'
import { takeOwnership } from '../../gateway/ownership.ts'
import { DATABASE } from '../../gateway/project/project.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from '../command.ts'
import { progressBar } from '../progress-bar.ts'
import { placeOfProject } from './project-place.ts'

export interface ExportCommandOptions extends ProjectOptions {
  readonly to?: string
}

/** Resolves to the exit status. */
export async function repoExport(options: ExportCommandOptions, io: CommandIo): Promise<number> {
  const { stdout, stderr, env, cwd } = io
  const dir = await projectDirOf(options, cwd)
  const file = join(dir, 'db', DATABASE)
  if (!existsSync(file)) throw new StartError(`${file}: does not exist; there is nothing to export`)
  const target = options.to === undefined ? await placeOfProject(dir, env) : serverOf(options.to, '--to')
  if ('file' in target) throw new StartError(`${dir}: conf/repo.json names no server; name one with --to`)
  const { displayName } = await import('../../repo/postgres/pool.ts')
  const ownership = await takeOwnership({ dir, db: join(dir, 'db') }, 'command')
  const bar = progressBar(stderr, '{bar} {percentage} % | {value} of {total}', 40)
  try {
    bar.start(1, 0)
    const { exportRepository } = await import('../../repo/export/export.ts')
    const onProgress = (rows: number, total: number) => {
      bar.setTotal(total)
      bar.update(rows)
    }
    const { counts, wasResumed } = await exportRepository({ file, target, onProgress })
    bar.stop()
    for (const [table, count] of counts) if (count > 0) stdout.write(`${table}: ${count}\n`)
    stdout.write(
      `${displayName(target)}: ${wasResumed ? 'an interrupted export was finished' : 'exported'}, and equal\n`,
    )
    const isInForce = isSame(target, await placeOfProject(dir, env))
    if (!isInForce) stderr.write('The project still uses the file: name the server in conf/repo.json.\n')
    return 0
  } catch (error) {
    throw startError(displayName(target), error)
  } finally {
    bar.stop()
    ownership.release()
  }
}

const isSame = (target: RepositoryPlace, used: RepositoryPlace): boolean =>
  'url' in target && 'url' in used && target.url === used.url && target.schema === used.schema
