/** This package's reference gateway: authentication, access rules and access log included. */
import { ready } from './serve.ts'
import { shipped } from './shipped.ts'

const { Gateway }: typeof import('../../lib/gateway/gateway.ts') = await shipped('gateway/gateway.js')
const { createLog }: typeof import('../../lib/gateway/project/log.ts') = await shipped('gateway/project/log.js')
const { packageRoot }: typeof import('../../lib/gateway/project/package-info.ts') = await shipped(
  'gateway/project/package-info.js',
)
const { openProject }: typeof import('../../lib/gateway/project/project.ts') =
  await shipped('gateway/project/project.js')
const { Secret }: typeof import('../../lib/core/secret.ts') = await shipped('core/secret.js')

const gateway = await Gateway.start({
  project: await openProject(process.env.PROJECT ?? '.'),
  host: '127.0.0.1',
  port: 0,
  plugins: [packageRoot],
  administratorPassword: new Secret('openidm-admin'),
  log: createLog({ level: process.env.ACCESS_LOG === 'off' ? 'warn' : 'info' }),
})
ready(Number(new URL(gateway.origins[0] ?? '').port))
