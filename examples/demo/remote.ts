/** The second gateway of the demo, which acts as the remote IDM. */
import { Secret } from '../../lib/core/secret.ts'
import { Gateway, type GatewayOptions } from '../../lib/gateway/gateway.ts'
import type { HostLog } from '../../lib/gateway/project/log.ts'
import type { Project } from '../../lib/gateway/project/project.ts'
import { isPortTaken } from '../../lib/gateway/project/start-error.ts'

/** The first user is the one of the vendor's documentation. */
const USERS = [
  user('95b2b43c-621e-4bca-8a97-efc768f17751', 'testUser', 'Test', 'User', 'testUser@test.com'),
  user('0a6f1f0c-3d0e-4f7e-9a51-6f1f0f6e2b10', 'bjensen', 'Barbara', 'Jensen', 'bjensen@example.com'),
  user('e2b7c1d4-58a1-4c0b-8a3c-2f4d9b6a7c55', 'scarter', 'Sam', 'Carter', 'scarter@example.com'),
]

function user(_id: string, userName: string, givenName: string, sn: string, mail: string) {
  return { _id, userName, accountStatus: 'active', givenName, sn, mail }
}

/** Starts the remote on `port`, or on a free port if that is taken. */
export async function startRemote(project: Project, port: number | undefined, log: HostLog): Promise<Gateway> {
  const remote = await listenNear(port ?? 0, {
    project,
    host: '127.0.0.1',
    plugins: [],
    administratorPassword: new Secret('openidm-admin'),
    log,
  })
  for (const { _id, ...content } of USERS) {
    if ((await remote.connection.read(`managed/user/${_id}`)) !== null) continue
    await remote.connection.create('managed/user', _id, content)
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
