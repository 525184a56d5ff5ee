import { join, resolve } from 'node:path'
import type { Accepted } from '../gateway/project/acceptance.ts'
import { existingDirectory, projectOfConf } from '../gateway/project/project.ts'
import { type CommandIo, UsageError } from './command.ts'
import { inspect } from './inspection.ts'
import { type Notice, noticesOf, noticeTable } from './notices.ts'
import { columnsOf, type Output, widthOf } from './output.ts'
import { json, wrapped } from './text.ts'

export interface DoctorOptions {
  readonly project?: string
  readonly json?: boolean
  readonly accept?: boolean
}

/** Exit status 0: all that is there is in force, or has no effect by design; 1: something has a fault. */
export async function doctor(options: DoctorOptions, { stdout, cwd, env }: CommandIo): Promise<number> {
  if (options.project === undefined) throw new UsageError('--project <dir> is missing')
  const project = projectOfConf(join(await existingDirectory(resolve(cwd, options.project)), 'conf'))
  const { faults, notices, unused, accepted } = await inspect(project, env, async ({ acceptance, ...found }) => ({
    ...found,
    accepted: options.accept ? acceptance.acceptAll() : undefined,
  }))
  if (accepted) return tellAccepted(accepted, options, stdout)
  const all = noticesOf([...[...faults.values()].flat(), ...notices])
  stdout.write(options.json ? json({ notices: all, unused }) : report(all, unused, stdout))
  return faults.size > 0 ? 1 : 0
}

function report(notices: readonly Notice[], unused: readonly string[], stdout: Output): string {
  const rows =
    notices.length > 0 ? noticeTable(notices, columnsOf(stdout)) : 'Everything that this gateway reads is in force.\n'
  if (unused.length === 0) return rows
  return [rows, ...wrapped(`Left alone, as nothing here reads them: ${unused.join(', ')}`, widthOf(stdout)), ''].join(
    '\n',
  )
}

/** What is held no more. */
function tellAccepted({ schedules, mappings }: Accepted, options: DoctorOptions, stdout: Output): number {
  const parts = [
    ...(schedules.length > 0 ? [`the schedules ${schedules.join(', ')}`] : []),
    ...(mappings.length > 0 ? [`the mappings ${mappings.join(', ')}`] : []),
  ]
  const text = parts.length > 0 ? `Accepted: ${parts.join('; ')}` : 'No schedule or mapping is held.'
  stdout.write(options.json ? json({ accepted: schedules, acceptedMappings: mappings }) : `${text}\n`)
  return 0
}
