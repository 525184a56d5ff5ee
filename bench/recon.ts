/** `npm run bench -- recon [--objects N]`: reconciliation of two remotes beside a bare client with the same requests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Running, residentBytes, start } from './process.ts'

const MAPPING = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/alpha_user',
  properties: ['userName', 'givenName', 'sn', 'mail', 'department', 'description'].map((name) => ({
    source: name,
    target: name,
  })),
  correlationQuery: [{ linkQualifier: 'default', expressionTree: { any: ['userName'] } }],
}

export async function recon(objects: number): Promise<void> {
  const project = await mkdtemp(join(tmpdir(), 'idm-recon-'))
  const remote = await start('recon-remote.ts', 1)
  const origin = `http://127.0.0.1:${remote.ready.port}`
  await writeProject(project, origin)
  const gateway = await start('recon-gateway.ts', 0, { PROJECT: project })
  const url = `http://127.0.0.1:${gateway.ready.port}/openidm/`
  try {
    console.log(`\nReconciliation of ${objects} objects of two remotes, beside a bare client\n`)
    console.log('                objects/s   bare client   ratio   resident MB at most')
    await compare('create', { url, origin, gateway, objects, fill: objects, posts: objects })
    await compare('unchanged', { url, origin, gateway, objects })
    await compare('1 % changed', { url, origin, gateway, objects, change: 1 })
  } finally {
    await gateway.stop()
    await remote.stop()
    await rm(project, { recursive: true, force: true })
  }
}

interface Case {
  readonly url: string
  readonly origin: string
  readonly gateway: Running
  readonly objects: number
  readonly fill?: number
  readonly change?: number
  readonly posts?: number
}

async function compare(name: string, { url, origin, gateway, objects, fill = 0, change = 0, posts = 0 }: Case) {
  const prepare = () => fetch(`${origin}/openidm/control?fill=${fill}&change=${change}`, { method: 'POST' })
  await prepare()
  const bare = await start('recon-bare.ts', 0, { TARGET: origin, POSTS: String(posts) })
  await prepare()
  const begin = performance.now()
  const peak = await reconcile(url, gateway)
  const ms = performance.now() - begin
  const rates = [objects / (ms / 1000), objects / ((bare.ready.ms ?? 1) / 1000)].map((rate) =>
    rate.toFixed(0).padStart(11),
  )
  const ratio = ((bare.ready.ms ?? 0) / ms).toFixed(2).padStart(7)
  console.log(`  ${name.padEnd(12)} ${rates.join('   ')} ${ratio} ${(peak / 1024 / 1024).toFixed(0).padStart(21)}`)
}

/** @returns the most resident memory that was seen meanwhile */
async function reconcile(url: string, { child }: Running): Promise<number> {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(child.pid))
  }, 20)
  const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }
  const started = await fetch(`${url}recon?_action=recon&mapping=m`, { method: 'POST', headers })
  const { _id } = (await started.json()) as { _id: string }
  for (;;) {
    const run = (await (await fetch(`${url}recon/${_id}`, { headers })).json()) as Record<string, string>
    if (run.state !== 'ACTIVE') {
      clearInterval(timer)
      if (run.state !== 'SUCCESS') throw new Error(String(run.stageDescription))
      if (process.env.VERBOSE) console.log(JSON.stringify(run))
      return peak
    }
    await new Promise((next) => setTimeout(next, 50))
  }
}

async function writeProject(project: string, origin: string): Promise<void> {
  await mkdir(join(project, 'conf'))
  const instance = { authType: 'basic', instanceUrl: `${origin}/openidm/`, userName: 'bench', password: 'bench' }
  for (const name of ['a', 'b'])
    await writeFile(join(project, 'conf', `external.idm-${name}.json`), JSON.stringify(instance))
  await writeFile(join(project, 'conf', 'sync.json'), JSON.stringify({ mappings: [MAPPING] }))
}
