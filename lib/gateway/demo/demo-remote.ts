/** The second gateway of the demo, which plays the remote IDM. */
import { Secret } from '../../util/secret.ts'
import { Gateway, type GatewayOptions } from '../gateway.ts'
import type { HostLog } from '../log.ts'
import type { Project } from '../project.ts'
import { StartError } from '../start-error.ts'

/** The first is the one that the vendor's page shows. */
const USERS = [
  {
    _id: '95b2b43c-621e-4bca-8a97-efc768f17751',
    userName: 'testUser',
    givenName: 'Test',
    sn: 'User',
    mail: 'testUser@test.com',
  },
  {
    _id: '0a6f1f0c-3d0e-4f7e-9a51-6f1f0f6e2b10',
    userName: 'bjensen',
    givenName: 'Barbara',
    sn: 'Jensen',
    mail: 'bjensen@example.com',
  },
  {
    _id: 'e2b7c1d4-58a1-4c0b-8a3c-2f4d9b6a7c55',
    userName: 'scarter',
    givenName: 'Sam',
    sn: 'Carter',
    mail: 'scarter@example.com',
  },
]

/** Starts it on `port` when that is free, else on a free one. */
export async function startRemote(project: Project, port: number | undefined, log: HostLog): Promise<Gateway> {
  const remote = await listenNear(port ?? 0, {
    project,
    host: '127.0.0.1',
    plugins: [],
    administratorPassword: new Secret('openidm-admin'),
    log,
  })
  for (const { _id, ...user } of USERS) {
    if ((await remote.connection.read(`managed/user/${_id}`)) !== null) continue
    await remote.connection.create('managed/user', _id, { ...user, accountStatus: 'active' })
  }
  return remote
}

async function listenNear(port: number, options: Omit<GatewayOptions, 'port' | 'httpsPort'>): Promise<Gateway> {
  try {
    return await Gateway.start({ ...options, httpsPort: port })
  } catch (error) {
    if (port === 0 || !isPortTaken(error)) throw error
    return Gateway.start({ ...options, httpsPort: 0 })
  }
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof StartError &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  error.cause.code === 'EADDRINUSE'
