import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { access, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { reply } from '../helpers/behaviours.ts'
import { tempDirWith, writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
// One process: packing builds dist/, which two at a time would take from each other.
import './examples.ts'
import './hostile.ts'
import './readme.ts'
import { INSTALL_TIMEOUT, type Installation, installPackage, NODE_VERSIONS } from './packed.ts'

const run = promisify(execFile)
const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc')

interface Manifest {
  readonly main: string
  readonly types: string
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

interface PluginManifest {
  readonly $schema: string
  readonly main: string
  readonly contributes: { readonly configuration: readonly { readonly schema: string }[] }
}

/** What an empty application gets. */
const MAX_PACKAGES = 190
const MAX_MEGABYTES = 80

/** What a gateway written in TypeScript says. */
const CONSUMER = `
import { createServer } from 'node:http'
import {
  activate,
  type AuthorizeManagement,
  externalIdm,
  type Json,
  type PluginContext,
  type PluginModule,
  ResourceException,
  synchronizationService,
} from 'openidm-external-idm'
const { router, close } = await externalIdm({ confDir: 'conf', authorize: (request) => request.method === 'GET' || 401 })
createServer((request, response) => router(request, response, (error) => response.end(String(error))))
const plugin: PluginModule = { activate }
const start = (context: PluginContext): void | Promise<void> => plugin.activate(context)
const authorizeManagement: AuthorizeManagement = async ({ headers }, { resource, method, action }) =>
  headers.authorization === 'a' && (method === 'read' || action === 'recon' ? { id: resource } : 403)
const managed = await externalIdm({ confDir: 'conf', authorize: () => true, authorizeManagement, sync: { db: 'a.db' } })
const { signal } = new AbortController()
const run = await managed.reconcile('people', { dryRun: true, ids: ['a'], overrides: { maxDeletes: 1 }, signal })
export const state: Json | undefined = run.state
for await (const { _id } of managed.openidm.queryAll('repo/link', { _queryFilter: 'true' })) console.log(_id)
export const other = (context: PluginContext) => context.service(synchronizationService).reconcile('people')
export const codeOf = (error: ResourceException): number => error.code
export { close, start }
`

describe('the package', () => {
  let installed: Installation

  before('is packed and installed', async function () {
    this.timeout(INSTALL_TIMEOUT)
    installed = await installPackage()
  })

  const inPackage = (path: string) => join(installed.app, 'node_modules/openidm-external-idm', path)
  const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(inPackage(path), 'utf8')) as T

  it('holds what is built, with types, maps and schemas, and nothing else', async () => {
    const { files } = installed
    const isOfPage = (file: string) => file.startsWith('dist/console/page/')
    for (const module of files.filter((file) => file.endsWith('.js') && !isOfPage(file))) {
      assert.ok(files.includes(`${module}.map`), module)
      assert.ok(files.includes(module.replace(/\.js$/, '.d.ts')), module)
    }
    for (const name of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'package.json',
      'plugin.json',
      'dist/plugin.js',
      'dist/index.js',
      'dist/console/plugin.json',
      'dist/console/page/index.html',
      'dist/console/page/main.js',
    ])
      assert.ok(files.includes(name), name)
    const isBuilt = /^dist\/.*\.(js|js\.map|d\.ts)$|^dist\/console\/|^lib\/.*\.schema\.json$|^[^/]+$/
    const others = files.filter((file) => !isBuilt.test(file))
    assert.deepEqual(others, [])
  })

  it('has everything that its manifests name', async () => {
    const { main, types, bin, exports } = await readJson<Manifest>('package.json')
    const entries = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? entry : Object.values(entry),
    )
    const plugin = await readJson<PluginManifest>('plugin.json')
    const schemas = plugin.contributes.configuration.map(({ schema }) => schema)
    for (const path of [main, types, ...Object.values(bin), ...entries, plugin.main, plugin.$schema, ...schemas])
      await access(inPackage(path))
    for (const schema of [plugin.$schema, ...schemas]) assert.equal(typeof (await readJson<object>(schema)), 'object')
    const entry = await realpath(inPackage(plugin.main))
    assert.ok(
      entry.startsWith(`${await realpath(join(installed.app, 'node_modules/openidm-external-idm'))}/`),
      'main lies in the folder of the plugin',
    )
  })

  it('names no TypeScript file at run time', async () => {
    for (const module of installed.files.filter((file) => file.endsWith('.js')))
      assert.doesNotMatch(await readFile(inPackage(module), 'utf8'), /['"`][^'"`\n]+\.ts['"`]/, module)
  })

  it('maps its lines to those of the repository, and carries no sources', async () => {
    const map = await readJson<{ sources: string[]; sourcesContent?: string[] }>('dist/plugin.js.map')
    assert.deepEqual([map.sources, map.sourcesContent], [['../lib/plugin.ts'], undefined])
  })

  it('is of moderate size, with what it brings', async () => {
    const lock = await readFile(join(installed.app, 'node_modules/.package-lock.json'), 'utf8')
    const count = Object.keys(JSON.parse(lock).packages).length
    // The command keeps what Node compiled in there.
    const { stdout } = await run('du', ['-sk', '--exclude=.cache', join(installed.app, 'node_modules')])
    const megabytes = Math.round(Number.parseInt(stdout, 10) / 1024)
    console.log(`      ${count} packages, ${megabytes} MB`)
    assert.ok(count <= MAX_PACKAGES && megabytes <= MAX_MEGABYTES)
  })

  it('exports its JSON Schemas, and the contract without the rest', async () => {
    const script = `for (const name of ['plugin', 'external.idm', 'plan']) {
        const { default: schema } = await import('openidm-external-idm/schemas/' + name + '.schema.json', { with: { type: 'json' } })
        console.log(typeof schema)
      }
      console.log(Object.keys(await import('openidm-external-idm/contract')).join())`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: installed.app })
    assert.equal(
      stdout,
      'object\nobject\nobject\nCONTRACT_VERSION,changeCaptureService,changesService,configurationService,hostProcessesService,managementAccessService,metricsService,synchronizationService\n',
    )
  })

  for (const specifier of ['openidm-external-idm', './node_modules/openidm-external-idm/dist/plugin.js'])
    it(`tells an older Node that imports ${specifier} what it needs`, async () => {
      const script = `await import('${specifier}').catch(({ message }) => console.log(message))`
      const args = ['--input-type=module', '-e', script]
      const { stdout } = await run(installed.node['20'], args, { cwd: installed.app })
      assert.match(stdout, /^openidm-external-idm needs Node \^22\.22, \^24 or >=26; this is Node 20\./)
    })

  it('has types that a strict project takes', async () => {
    const { app } = installed
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(import.meta.dirname, '../../node_modules/@types')],
    }
    await writeFiles(app, { 'consumer.ts': CONSUMER, 'tsconfig.json': { compilerOptions, files: ['consumer.ts'] } })
    const { stdout } = await run(tsc, ['-p', app]).catch((error: { stdout: string }) => error)
    assert.equal(stdout, '')
  })

  it('reconciles in an application', async () => {
    const remote = await startRemote({ behaviour: reply({ body: { result: [], pagedResultsCookie: null } }) })
    const instance = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
    const transform = { type: 'text/javascript', source: 'source' }
    const properties = [{ source: 'mail', target: 'mail', transform }]
    const mapping = { source: 'external/idm/eu/a', target: 'external/idm/eu/b', properties, allowEmptySourceSet: true }
    const project = await tempDirWith({ 'conf/external.idm-eu.json': instance, 'conf/mapping-m.json': mapping })
    const script = `const { externalIdm } = await import('openidm-external-idm')
      const [confDir, db] = ${JSON.stringify([join(project, 'conf'), join(project, 'db/a.db')])}
      const idm = await externalIdm({ confDir, authorize: () => true, authorizeManagement: () => false, sync: { db } })
      console.log((await idm.reconcile('m')).state)
      await idm.close()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: installed.app })
    assert.equal(stdout, 'SUCCESS\n')
  })

  for (const version of NODE_VERSIONS) {
    it(`loads whole on Node ${version}`, async () => {
      // Entries of processes and threads, and of the browser.
      const isEntry = (file: string) => /^dist\/(bin|check-node|.*worker|console\/page\/.*)\.js$/.test(file)
      const modules = installed.files.filter((file) => /^dist\/.*\.js$/.test(file) && !isEntry(file)).map(inPackage)
      const script = `for (const file of ${JSON.stringify(modules)}) await import(file)
        const { activate } = await import('openidm-external-idm')
        console.log(typeof activate, process.versions.node)`
      const { stdout, stderr } = await run(installed.node[version], ['--input-type=module', '-e', script], {
        cwd: installed.app,
      })
      assert.match(stdout, new RegExp(`^function ${version}\\.`))
      assert.doesNotMatch(stderr, /deprecat/i)
    })

    it(`has a command that runs on Node ${version}`, async () => {
      const command = join(installed.app, 'node_modules/.bin/openidm-external-idm')
      await access(command)
      const { stdout } = await run(installed.node[version], [await realpath(command), '--help'])
      assert.match(stdout, /openidm-external-idm/)
    })

    it(`is a gateway that finds its own plugin on Node ${version}`, async () => {
      const remote = await startRemote()
      const instance = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
      const project = await tempDirWith({ 'conf/external.idm-eu.json': instance })
      const command = await realpath(join(installed.app, 'node_modules/.bin/openidm-external-idm'))
      const env = { OPENIDM_ADMIN_PASSWORD: 'admin-pw' }
      const args = [command, 'start', '--project', project, '--port', '0']
      const gateway = spawnNode(args, { node: installed.node[version], env })
      const url = (await gateway.line(/^Listening on /)).replace('Listening on ', '')
      const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'admin-pw' }
      const answer = await request(`${url}/external/idm/eu/managed/user?_queryFilter=true`, { headers })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(remote.last.url, '/openidm/managed/user?_queryFilter=true')
      assert.equal(remote.last.headers.authorization, `Basic ${Buffer.from('svc:pw').toString('base64')}`)
      assert.equal((await request(`${url}/external/idm/eu/managed/user`)).status, 401)
      assert.deepEqual(await gateway.kill(), { code: 0, signal: null })
    })
  }
})
