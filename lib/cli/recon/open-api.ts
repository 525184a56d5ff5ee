import { resolve } from 'node:path'
import { ADMINISTRATOR, administratorPassword } from '../../gateway/access/administrator.ts'
import { Gateway } from '../../gateway/gateway.ts'
import { createLog, logLevelOf } from '../../gateway/project/log.ts'
import { packageRoot } from '../../gateway/project/package-info.ts'
import { openProject } from '../../gateway/project/project.ts'
import { type CommandIo, type CommandOption, type OptionValues, UsageError } from '../command.ts'
import { ownApi, type ReconApi, restApi } from './recon-api.ts'

export const apiOptions: Readonly<Record<string, CommandOption>> = {
  json: { description: 'print JSON' },
  url: { value: 'URL', description: 'the gateway, such as http://127.0.0.1:8080/openidm' },
  user: { value: 'NAME', description: 'who asks (default openidm-admin)' },
  project: { value: 'DIR', description: 'run a gateway on this project directory for as long as it takes' },
}

export const apiNotes = `Environment:
  OPENIDM_URL       the gateway, unless --url or --project is given
  OPENIDM_USERNAME  who asks, unless --user is given
  OPENIDM_PASSWORD  the password (default: that of openidm-admin, see start --help)`

/** Does `work` with the gateway that the options name. */
export async function withApi(
  values: OptionValues,
  io: CommandIo,
  work: (api: ReconApi) => Promise<number>,
): Promise<number> {
  const api = await openApi(values, io)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

/** The gateway that the options name: one that is running, or one for as long as the command takes. */
async function openApi(values: OptionValues, { env, cwd }: CommandIo): Promise<ReconApi> {
  const project = values.text('project')
  const url = values.text('url') ?? env.OPENIDM_URL
  if (project !== undefined && values.text('url') !== undefined)
    throw new UsageError('give --url or --project, not both')
  if (project === undefined && url === undefined)
    throw new UsageError('--url (or OPENIDM_URL) with the address of a gateway, or --project DIR is needed')
  const { password } = administratorPassword(env, true)
  if (project === undefined)
    return restApi({
      url: url ?? '',
      user: values.text('user') ?? env.OPENIDM_USERNAME ?? ADMINISTRATOR,
      password: env.OPENIDM_PASSWORD ?? password.reveal(),
    })
  const gateway = await Gateway.start({
    project: await openProject(resolve(cwd, project)),
    host: '127.0.0.1',
    plugins: [packageRoot],
    administratorPassword: password,
    env,
    log: createLog({ level: env.LOG_LEVEL ? logLevelOf(env) : 'warn' }),
  })
  return ownApi(gateway.connection, () => gateway.stop())
}
