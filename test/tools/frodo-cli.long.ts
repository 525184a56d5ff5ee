import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'
import { type Pair, PROXY, startPair, tokenOf } from '../integration/pair.ts'
import { startAccessManager } from './access-manager.ts'
import { OBJECTS } from './objects.ts'

/** Put there by `npm run test:install`. */
const FRODO = join(import.meta.dirname, 'node_modules', '.bin', 'frodo')

describe('frodo-cli, as administrators use it', () => {
  ownedBySuite()
  let pair: Pair
  let am: string
  let dir: string
  let env: NodeJS.ProcessEnv

  before(async function () {
    if (!existsSync(FRODO)) return this.skip()
    pair = await startPair()
    await pair.instance('b')
    am = (await startAccessManager(await tokenOf(pair.tokens, PROXY))).url
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'a', use: 'sig', alg: 'RS256' }
    const home = await tempDir()
    env = {
      PATH: process.env.PATH,
      HOME: home,
      FRODO_SA_ID: 'a',
      FRODO_SA_JWK: JSON.stringify(jwk),
      FRODO_NO_CACHE: '1',
    }
  })

  beforeEach(async () => {
    dir = await tempDir()
  })

  const frodo = (base: string, ...words: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const args = [FRODO, ...words, '-D', dir, '-m', 'cloud', '--idm-host', base, am, '/']
      execFile(process.execPath, args, { env, cwd: dir, timeout: 60_000 }, (error, stdout, stderr) =>
        error ? reject(new Error(`frodo ${words.join(' ')}: ${stdout}${stderr}`)) : resolve(`${stdout}${stderr}`),
      )
    })

  for (const [title, far] of [
    ['against the gateway', false],
    ['through /openidm/external/idm/NAME', true],
  ] as const)
    describe(title, () => {
      const base = () => (far ? `${pair.a.url}/external/idm/b` : pair.a.url)
      const owner = () => (far ? pair.b : pair.a)
      const read = async (id: string) => (await owner().call(`/config/${id}`)).json as JsonObject
      const put = async (id: string, json: JsonObject) => {
        const { status, text } = await owner().call(`/config/${id}`, { method: 'PUT', json })
        assert.ok(status === 200 || status === 201, `${id}: ${text}`)
      }
      const remove = async (id: string) =>
        assert.equal((await owner().call(`/config/${id}`, { method: 'DELETE' })).status, 200, id)
      const files = async (ids: readonly string[]) => {
        const { conf } = owner().project
        const entries = ids.map(async (id) => [id, await contentOf(conf, id)] as const)
        return Object.fromEntries(await Promise.all(entries))
      }

      beforeEach(async () => {
        for (const [id, content] of Object.entries(OBJECTS)) await put(id, content)
      })

      it('export, delete and import of everything give the same files', async () => {
        const ids = Object.keys(OBJECTS)
        const before = await files([...ids, 'authentication'])
        await frodo(base(), 'idm', 'export', '-A', '-N')
        for (const id of ids) await remove(id)
        await frodo(base(), 'idm', 'import', '-A')
        assert.deepEqual(await files([...ids, 'authentication']), before)
      })

      it('mappings', async () => {
        const ids = ['sync', 'mapping/single']
        const { name: _, ...unnamed } = OBJECTS['mapping/single'] ?? {}
        await put('mapping/single', unnamed)
        await frodo(base(), 'mapping', 'export', '-a', '-f', 'mappings.json')
        await frodo(base(), 'mapping', 'delete', '-a')
        for (const id of ids) await owner().call(`/config/${id}`, { method: 'DELETE' })
        await frodo(base(), 'mapping', 'import', '-a', '-f', 'mappings.json')
        const listed = (await read('sync')).mappings as JsonObject[]
        assert.deepEqual(listed.map(plain), OBJECTS.sync?.mappings)
        assert.deepEqual(plain(await read('mapping/single')), OBJECTS['mapping/single'])
        await frodo(base(), 'mapping', 'rename', '-a')
        assert.deepEqual((await read('sync')).mappings, [])
        assert.equal((await read('mapping/listed')).source, 'managed/role')
        await remove('mapping/listed')
      })

      it('email templates', async () => {
        const id = 'emailTemplate/welcome'
        const before = await files([id])
        await frodo(base(), 'email', 'template', 'export', '-a', '-f', 'emails.json')
        await remove(id)
        await frodo(base(), 'email', 'template', 'import', '-a', '-f', 'emails.json')
        assert.deepEqual(await files([id]), before)
      })
    })
})

const contentOf = async (conf: string, id: string): Promise<unknown> =>
  JSON.parse(await readFile(join(conf, `${id.replace('/', '-')}.json`), 'utf8'))

/** A mapping without what the tool adds to it. */
const plain = ({ _id, syncAfter: _order, ...content }: JsonObject): JsonObject => {
  return content
}
