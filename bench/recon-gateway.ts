/** The gateway that reconciles, or plays the remotes, as it is compiled in the folder `DIST`. Prints `{"port":PORT}`. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const load = (file: string) => import(pathToFileURL(join(process.env.DIST ?? '', file)).href)
const { Gateway }: typeof import('../lib/gateway/gateway.ts') = await load('gateway/gateway.js')
const { createLog }: typeof import('../lib/gateway/project/log.ts') = await load('gateway/project/log.js')
const { packageRoot }: typeof import('../lib/gateway/project/package-info.ts') = await load(
  'gateway/project/package-info.js',
)
const { openProject }: typeof import('../lib/gateway/project/project.ts') = await load('gateway/project/project.js')
const { Secret }: typeof import('../lib/core/secret.ts') = await load('core/secret.js')

const gateway = await Gateway.start({
  project: await openProject(process.env.PROJECT ?? ''),
  host: '127.0.0.1',
  port: Number(process.env.PORT ?? 0),
  plugins: [packageRoot],
  administratorPassword: new Secret('openidm-admin'),
  log: createLog({ level: 'error' }),
})
console.log(JSON.stringify({ port: Number(new URL(gateway.origins[0] ?? '').port) }))
