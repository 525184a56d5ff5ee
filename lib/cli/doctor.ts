import { join, resolve } from 'node:path'
import { existingDirectory, projectOfConf } from '../gateway/project/project.ts'
import { type CommandIo, UsageError } from './command.ts'
import { inspect } from './inspection.ts'
import { noticesOf, noticeTable } from './notices.ts'
import { columnsOf, json, widthOf, wrapped } from './text.ts'

export interface DoctorOptions {
  readonly project?: string
  readonly json?: boolean
}

/** Exit status 0: all that is there is in force, or has no effect by design; 1: something has a fault. */
export async function doctor(options: DoctorOptions, { stdout, cwd, env }: CommandIo): Promise<number> {
  if (options.project === undefined) throw new UsageError('--project <dir> is missing')
  const project = projectOfConf(join(await existingDirectory(resolve(cwd, options.project)), 'conf'))
  const { faults, notices, unused } = await inspect(project, env, async (inspection) => inspection)
  const all = noticesOf([...[...faults.values()].flat(), ...notices])
  if (options.json) stdout.write(json({ notices: all, unused }))
  else {
    stdout.write(
      all.length > 0 ? noticeTable(all, columnsOf(stdout)) : 'Everything that this gateway reads is in force.\n',
    )
    if (unused.length > 0)
      stdout.write(
        `${wrapped(`Left alone, as nothing here reads them: ${unused.join(', ')}`, widthOf(stdout)).join('\n')}\n`,
      )
  }
  return faults.size > 0 ? 1 : 0
}
