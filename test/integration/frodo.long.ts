import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { spawnNode } from '../helpers/process.ts'
import { OBJECTS } from '../tools/objects.ts'
import { type Pair, PROXY, startPair, tokenOf } from './pair.ts'

const CLIENT = fileURLToPath(new URL('frodo-client.cjs', import.meta.url))
/** The client asks for ever when a page fails. */
const LONGEST_RUN_MS = 60_000

describe('frodo-lib, as administrators use it', function () {
  ownedBySuite()
  this.timeout(LONGEST_RUN_MS + 5_000)
  let pair: Pair

  before(async () => {
    pair = await startPair()
    await pair.instance('b')
  })

  const run = async (base: string) => {
    const token = await tokenOf(pair.tokens, PROXY)
    const client = spawnNode([CLIENT, base], { env: { TOKEN: token, OBJECTS: JSON.stringify(OBJECTS) } })
    const timer = setTimeout(() => client.kill('SIGKILL'), LONGEST_RUN_MS)
    const { code } = await client.exited
    clearTimeout(timer)
    assert.equal(code, 0, client.output)
    assert.match(client.stdout, /all of it works/)
  }

  it('works against the gateway', () => run(pair.a.url))
  it('works through /openidm/external/idm/NAME', () => run(`${pair.a.url}/external/idm/b`))
})
