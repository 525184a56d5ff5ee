import assert from 'node:assert/strict'
import type { Mount } from '../../lib/contract.ts'
import { PluginHost } from '../../lib/gateway/plugins/host.ts'
import type { HostMount } from '../../lib/gateway/plugins/plugin-context.ts'
import { PluginRouters } from '../../lib/gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../../lib/gateway/plugins/services.ts'
import { StartError } from '../../lib/gateway/project/start-error.ts'
import { memoryLog } from '../helpers/log.ts'
import { pluginFolder, ROUTERS } from './parts.ts'

interface Seen {
  readonly steps: string[]
}

/** Fixture plugins write down what happens to them in a service that the host lends them. */
const journal = { id: 'journal' } as { id: string; type?: Seen }
const WRITES = { requires: ['journal'] }
const steps = `const journal = { id: 'journal' }`

function createHost({ authenticated = true } = {}) {
  const services = new ServiceRegistry()
  const seen: Seen = { steps: [] }
  services.provide(journal, seen)
  const routers = new PluginRouters()
  const mounts: Partial<Record<Mount, HostMount>> = { '/openidm': { authenticated, routers } }
  const log = memoryLog()
  const host = new PluginHost({ confDir: '/conf', log, services, mounts, logOf: () => log })
  return { host, services, seen, routers, log }
}

const failure = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => assert.fail('it was activated'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof StartError)
  return error.message
}

describe('plugin host', () => {
  it('activates, lends, and undoes everything last in, first out', async () => {
    const { host, seen } = createHost()
    const dir = await pluginFolder(
      `${steps}
      let steps
      export function activate(context) {
        steps = context.service(journal).steps
        steps.push('activate ' + context.id + ' ' + context.confDir)
        context.defer('first', () => { steps.push('first') })
        context.defer('second', async () => { steps.push('second') })
        context.signal.addEventListener('abort', () => steps.push('signal'))
      }
      export function deactivate() { steps.push('deactivate') }`,
      WRITES,
    )
    await host.load([dir])
    assert.deepEqual(
      host.plugins.map(({ manifest }) => manifest.id),
      ['sample'],
    )
    await host.dispose()
    assert.deepEqual(seen.steps, ['activate sample /conf', 'signal', 'deactivate', 'second', 'first'])
  })

  it('names everything that is missing at once', async () => {
    const { host } = createHost({ authenticated: false })
    const dir = await pluginFolder('export const activate = () => undefined', {
      contractVersion: '2.0',
      requires: ['journal', 'clock', 'mail'],
      ...ROUTERS,
    })
    const message = await failure(host.load([dir]))
    assert.match(message, /plugin sample \(.*\) was not activated/)
    assert.match(message, /requires contract version 2\.0, this host has 1\.0/)
    assert.match(message, /services that are not provided: clock, mail/)
    assert.match(message, /router \/openidm\/sample requires authentication/)
  })

  it('rolls a failed activation back and names it', async () => {
    const { host, seen, services, routers } = createHost()
    const dir = await pluginFolder(
      `${steps}
      export async function activate(context) {
        const { steps } = context.service(journal)
        context.defer('undo', () => { steps.push('undone') })
        context.provide({ id: 'mine' }, {})
        context.registerRouter('/openidm', () => (request, response) => response.end('never'))
        throw new Error('no more tea')
      }
      export const deactivate = () => { throw new Error('it never was active') }`,
      { ...WRITES, ...ROUTERS, provides: ['mine'] },
    )
    assert.match(await failure(host.load([dir])), /sample \(.*\) was not activated: no more tea$/)
    assert.deepEqual(seen.steps, ['undone'])
    assert.equal(services.has('mine'), false)
    assert.equal(isAsked(routers), false)
    assert.deepEqual(host.plugins, [])
  })

  it('refuses a module without activate, and a plugin that breaks its word', async () => {
    const { host } = createHost()
    assert.match(await failure(host.load([await pluginFolder('export const x = 1')])), /exports no function activate/)
    const silent = await pluginFolder('export const activate = () => undefined', { provides: ['mine'] })
    assert.match(await failure(host.load([silent])), /did not provide services declared in plugin\.json: mine/)
  })

  it('lets a plugin have only what its manifest names', async () => {
    const { host, seen } = createHost()
    const dir = await pluginFolder(
      `${steps}
      const attempt = (steps, work) => { try { steps.push(String(work())) } catch (error) { steps.push(error.message) } }
      export function activate(context) {
        const { steps } = context.service(journal)
        attempt(steps, () => context.service({ id: 'clock' }))
        attempt(steps, () => context.optionalService({ id: 'mail' }))
        attempt(steps, () => context.service({ id: 'mail' }))
        attempt(steps, () => context.provide({ id: 'other' }, {}))
        attempt(steps, () => context.registerRouter('/openidm', () => () => undefined))
      }`,
      { ...WRITES, optional: ['mail'] },
    )
    await host.load([dir])
    assert.deepEqual(seen.steps, [
      'clock is not declared under requires or optional in plugin.json (declared: journal, mail)',
      'undefined',
      'the service mail is not provided',
      'other is not declared under provides in plugin.json (declared: nothing)',
      '/openidm is not declared under contributes.routers in plugin.json (declared: nothing)',
    ])
  })

  it('activates a provider before the plugin that needs it, whatever the order', async () => {
    const { host, seen } = createHost()
    const needy = await pluginFolder(
      `${steps}
      export const activate = (context) => { context.service(journal).steps.push(context.service({ id: 'tea' }).kind) }`,
      { requires: ['journal', 'tea'] },
      'needy',
    )
    const provider = await pluginFolder(
      `export const activate = (context) => { context.provide({ id: 'tea' }, { kind: 'green' }) }`,
      { provides: ['tea'] },
      'provider',
    )
    await host.load([needy, provider])
    assert.deepEqual(seen.steps, ['green'])
  })

  it('refuses the same plugin twice', async () => {
    const { host } = createHost()
    const dir = await pluginFolder('export const activate = () => undefined')
    assert.match(await failure(host.load([dir, dir])), /a plugin sample is already loaded/)
  })

  it('withdraws a router when its holder or the host disposes of it', async () => {
    const { host, routers } = createHost()
    const dir = await pluginFolder(
      `export const activate = (context) => {
        const early = context.registerRouter('/openidm', () => (request, response, next) => next(new Error('early')))
        context.registerRouter('/openidm', () => (request, response) => { request.asked() })
        early.dispose()
        early.dispose()
      }`,
      ROUTERS,
    )
    await host.load([dir])
    assert.equal(isAsked(routers), true)
    await host.dispose()
    assert.equal(isAsked(routers), false)
  })

  it('tells a plugin the truth about authentication', async () => {
    for (const authenticated of [true, false]) {
      const { host, seen } = createHost({ authenticated })
      const dir = await pluginFolder(
        `${steps}
        export const activate = (context) => {
          context.service(journal).steps.push(context.authenticates('/openidm'), context.authenticates('/other'))
        }`,
        WRITES,
      )
      await host.load([dir])
      assert.deepEqual(seen.steps, [authenticated, false])
    }
  })
})

/** Whether a plugin's router takes the request; false when the host's own `next` is reached. */
function isAsked(routers: PluginRouters): boolean {
  let asked = false
  const request = Object.assign(Object.create(null), {
    asked: () => {
      asked = true
    },
  })
  routers.handle(request, Object.create(null), (error) => assert.equal(error, undefined))
  return asked
}
