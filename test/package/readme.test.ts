import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { accessSchema } from '../../lib/gateway/access/access-rules.ts'
import { authenticationSchema } from '../../lib/gateway/access/rs-filter-properties.ts'
import { judgeProperties } from '../../lib/remote/properties/properties.ts'
import { reply } from '../helpers/behaviours.ts'
import { writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { spawnNode } from '../helpers/process.ts'
import { type Block, codeBlocks } from '../helpers/readme.ts'
import { startRemote } from '../helpers/remote.ts'
import { INSTALL_TIMEOUT, installPackage } from './packed.ts'

const README = join(import.meta.dirname, '../../README.md')
const USERS = { result: [{ _id: 'u1', userName: 'bo' }], resultCount: 1, pagedResultsCookie: null }

describe('the README', () => {
  let blocks: Block[]

  before(async function () {
    this.timeout(INSTALL_TIMEOUT)
    blocks = await codeBlocks(README)
    await installPackage()
  })

  const block = (language: string, containing: string): string => {
    const found = blocks.find(({ language: own, text }) => own === language && text.includes(containing))
    assert.ok(found, `a block of ${language} with ${containing}`)
    return found.text
  }

  it('has JSON that is accepted where it belongs', () => {
    const judged = blocks.filter(({ language }) => language === 'json').map(({ text }) => judge(JSON.parse(text)))
    for (const kind of ['instance', 'authentication', 'access']) assert.ok(judged.includes(kind), kind)
  })

  it('has an Express application that runs as it stands', async () => {
    const { dir } = await installPackage()
    const remote = await startRemote({ behaviour: reply({ body: USERS }) })
    const example = join(dir, 'readme-express')
    await writeFiles(join(example, 'conf'), { 'external.idm-eu.json': instance(remote.url) })
    await writeFiles(example, { 'app.mjs': block('js', 'externalIdm').replace('8081', '0') })
    await writeFiles(example, { 'port.mjs': PRINTS_PORT })
    const app = spawnNode(['--import', './port.mjs', 'app.mjs'], { cwd: example, env: { GATEWAY_KEY: 'key' } })
    const port = (await app.line('listens on ')).split(' ').at(-1)
    const url = `http://127.0.0.1:${port}/openidm/external/idm/eu/managed/user?_queryFilter=true`
    assert.equal((await request(url)).status, 401)
    assert.deepEqual((await request(url, { headers: { authorization: 'Bearer key' } })).json, USERS)
  })

  it('has a plugin that reads a remote from code', async () => {
    const { dir, packageDir } = await installPackage()
    const remote = await startRemote({ behaviour: reply({ body: USERS }) })
    const project = join(dir, 'readme-project')
    await writeFiles(join(project, 'conf'), { 'external.idm-platform.json': instance(remote.url) })
    const plugin = join(dir, 'readme-plugin')
    const manifest = {
      id: 'readme',
      version: '1.0.0',
      contractVersion: '1.0',
      main: 'plugin.ts',
      requires: ['resources'],
    }
    await writeFiles(plugin, { 'plugin.json': manifest, 'plugin.ts': block('ts', 'activate') })
    const bin = join(packageDir, 'dist/bin.js')
    const gateway = spawnNode([bin, 'start', '--project', project, '--port', '0', '--plugin', plugin])
    await gateway.line('Listening on ')
    assert.match(gateway.stderr, /"id":"u1","msg":"one of 1 or more"/)
    assert.equal((await gateway.kill()).code, 0)
  })
})

const instance = (instanceUrl: string) => ({ authType: 'basic', instanceUrl, userName: 'a', password: 'b' })

/** What kind of file a JSON block is; fails when such a file would be refused. */
function judge(content: JsonObject): string {
  if (content.authType !== undefined) {
    assert.deepEqual(judgeProperties(content), { ...judgeProperties(content), notices: [] })
    return 'instance'
  }
  if (content.rsFilter !== undefined) authenticationSchema.parse(content)
  else if (content.configs !== undefined) accessSchema.parse(content)
  else return 'other'
  return content.rsFilter === undefined ? 'access' : 'authentication'
}

/** Preloaded before an example: prints the port that its server got. */
const PRINTS_PORT = `import { Server } from 'node:net'
const { listen } = Server.prototype
Server.prototype.listen = function (...options) {
  this.once('listening', () => console.log('listens on ' + this.address().port))
  return listen.apply(this, options)
}
`
