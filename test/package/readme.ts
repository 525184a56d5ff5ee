import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { reply } from '../helpers/behaviours.ts'
import { writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
import { INSTALL_TIMEOUT, installPackage } from './packed.ts'

const USERS = { result: [{ _id: 'u1', userName: 'bo' }], resultCount: 1, pagedResultsCookie: null }

describe('the documentation, with the packed package', () => {
  before(async function () {
    this.timeout(INSTALL_TIMEOUT)
    await installPackage()
  })

  it('installs the package by its name', () => {
    for (const { text } of blocksFor('install')) assert.equal(text, 'npm install openidm-external-idm\n')
  })

  it('has an Express application that runs as it stands', async () => {
    const { dir } = await installPackage()
    const remote = await startRemote({ behaviour: reply({ body: USERS }) })
    const example = join(dir, 'readme-express')
    await writeFiles(join(example, 'conf'), { 'external.idm-eu.json': instance(remote.url) })
    await writeFiles(example, { 'app.mjs': blocksFor('app')[0]?.text.replace('8081', '0') })
    await writeFiles(example, { 'port.mjs': PRINTS_PORT })
    const app = spawnNode(['--import', './port.mjs', 'app.mjs'], { cwd: example, env: { GATEWAY_KEY: 'key' } })
    const port = (await app.line('listens on ')).split(' ').at(-1)
    const url = `http://127.0.0.1:${port}/openidm/external/idm/eu/managed/user?_queryFilter=true`
    assert.equal((await request(url)).status, 401)
    assert.deepEqual((await request(url, { headers: { authorization: 'Bearer key' } })).json, USERS)
  })

  const LOGGED: Readonly<Record<string, RegExp>> = {
    'docs/instances.md': /"id":"u1","msg":"one of 1 or more"/,
    'docs/scripts.md': /"user":null,"msg":"read by a script"/,
  }
  for (const { page, text } of blocksFor('plugin'))
    it(`${page} has a plugin that runs as it stands`, async () => {
      const { dir, packageDir } = await installPackage()
      const remote = await startRemote({ behaviour: reply({ body: USERS }) })
      const project = await mkdtemp(join(dir, 'project-'))
      await writeFiles(join(project, 'conf'), { 'external.idm-platform.json': instance(remote.url) })
      // Beside the package, whose name it imports.
      const plugin = await mkdtemp(join(dir, 'plugin-'))
      const requires = ['resources', 'scripts']
      const manifest = { id: 'readme', version: '1.0.0', contractVersion: '1.0', main: 'plugin.ts', requires }
      await writeFiles(plugin, { 'plugin.json': manifest, 'plugin.ts': text })
      const bin = join(packageDir, 'dist/bin.js')
      const gateway = spawnNode([bin, 'start', '--project', project, '--port', '0', '--plugin', plugin])
      await gateway.line('Listening on ')
      await gateway.line(LOGGED[page] ?? /^$/)
      assert.equal((await gateway.kill()).code, 0)
    })
})

const instance = (instanceUrl: string) => ({ authType: 'basic', instanceUrl, userName: 'a', password: 'b' })

/** Preloaded before an example: prints the port that its server got. */
const PRINTS_PORT = `import { Server } from 'node:net'
const { listen } = Server.prototype
Server.prototype.listen = function (...options) {
  this.once('listening', () => console.log('listens on ' + this.address().port))
  return listen.apply(this, options)
}
`
