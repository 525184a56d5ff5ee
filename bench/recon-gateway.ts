/** The gateway that reconciles. Prints `{"port":PORT}`. */
import { Gateway } from '../lib/gateway/gateway.ts'
import { createLog } from '../lib/gateway/log.ts'
import { packageRoot } from '../lib/gateway/package-info.ts'
import { openProject } from '../lib/gateway/project.ts'
import { Secret } from '../lib/util/secret.ts'

const gateway = await Gateway.start({
  project: await openProject(process.env.PROJECT ?? ''),
  host: '127.0.0.1',
  port: 0,
  plugins: [packageRoot],
  administratorPassword: new Secret('openidm-admin'),
  log: createLog({ level: 'error' }),
})
console.log(JSON.stringify({ port: Number(new URL(gateway.origins[0] ?? '').port) }))
