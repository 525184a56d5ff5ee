import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../lib/contract.ts'
import { tempDirWith } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from './gateways.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))
const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }

/** More of both by hand: SYNC_CRASH_USERS=2000 SYNC_CRASH_KILLS=50. */
const USERS = Number(process.env.SYNC_CRASH_USERS ?? 300)
const KILLS = Number(process.env.SYNC_CRASH_KILLS ?? 4)

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/65/managed/user',
  target: 'external/idm/fidc/managed/alpha_user',
  properties: [{ source: 'userName', target: 'userName' }],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { all: ['userName'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

describe('a gateway that is killed while it creates', function () {
  this.timeout(Math.max(120_000, KILLS * 15_000))

  it(`creates nothing twice, after ${KILLS} kills at random points`, async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    for (let index = 0; index < USERS; index++)
      await source.connection.create('managed/user', `u${index}`, { userName: `user.${index}` })
    const dir = await tempDirWith({
      'conf/external.idm-65.json': instanceOf(source),
      'conf/external.idm-fidc.json': instanceOf(target),
      'conf/sync.json': { mappings: [MAPPING] },
    })
    for (let kill = 0; kill < KILLS; kill++) await interrupt(dir, target)
    const { url } = await start(dir)
    const { reconciliations } = (await request(`${url}/recon`, { headers: ADMIN })).json as {
      reconciliations: JsonObject[]
    }
    for (const { state, stage } of reconciliations) assert.deepEqual([state, stage], ['FAILED', 'COMPLETED_FAILED'])
    await request(`${url}/recon?_action=recon&mapping=m&waitForCompletion=true`, { method: 'POST', headers: ADMIN })
    const names = await namesAt(target)
    assert.equal(names.length, USERS)
    assert.equal(new Set(names).size, USERS)
    const links = await request(`${url}/repo/link?_queryFilter=true`, { headers: ADMIN })
    assert.equal((links.json as { resultCount: number }).resultCount, USERS)
  })
})

/** Lets a run create a random number of objects more, then kills the gateway. */
async function interrupt(dir: string, target: RemoteIdm): Promise<void> {
  const { url, started } = await start(dir)
  const before = target.requests.length
  const creates = Math.floor((Math.random() * USERS) / KILLS)
  await request(`${url}/recon?_action=recon&mapping=m`, { method: 'POST', headers: ADMIN })
  await until(() => target.requests.length > before + 1 + creates, `${creates} objects more`)
  await started.kill('SIGKILL')
}

async function start(dir: string): Promise<{ url: string; started: NodeProcess }> {
  const env = { OPENIDM_ADMIN_PASSWORD: undefined, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'error' }
  const started = spawnNode([BIN, 'start', '--project', dir, '--port', '0'], { env })
  return { url: (await started.line('Listening on ')).replace('Listening on ', ''), started }
}

async function namesAt({ connection }: RemoteIdm): Promise<string[]> {
  const { result } = await connection.query('managed/alpha_user', { _queryFilter: 'true' })
  return result.map(({ userName }) => String(userName))
}
