import { basename } from 'node:path'
import type { Logger } from '../../contract.ts'
import { Acceptance } from '../project/acceptance.ts'
import type { Project } from '../project/project.ts'
import { isDisabled } from '../schedules/schedule.ts'
import type { HostConfiguration } from './host-configuration.ts'

/** Which schedules of a project wait to be accepted. Must be made before the database is opened. */
export const acceptanceOf = (
  project: Project,
  { directory, settings }: Pick<HostConfiguration, 'directory' | 'settings'>,
  log: Logger,
): Acceptance =>
  new Acceptance({
    project,
    files: () =>
      directory.objects().map(({ name: { factoryPid, alias }, file, raw }) => ({
        name: basename(file),
        schedule: factoryPid === 'schedule' && raw && !isDisabled(raw) ? (alias ?? undefined) : undefined,
      })),
    live: () => settings.value.live,
    log,
  })
