import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import express from 'express'
import { ResourceRouter, registryOf, resourcesService } from 'openidm-external-idm'

const print = (level) => (_details, message) => console.error(level, message)
const log = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, print(level)]))
const services = new Map([[resourcesService.id, registryOf(new ResourceRouter())]])
const routers = new Set()
const active = []

/** Activates a plugin with its context; undoes everything if that fails. */
async function activate({ dir, id, main }) {
  const abort = new AbortController()
  const cleanUps = [() => abort.abort()]
  const undo = async () => {
    while (cleanUps.length > 0) await cleanUps.pop()()
  }
  const owned = (dispose) => ({ dispose, index: cleanUps.push(dispose) })
  const context = {
    ...{ id, log, confDir: resolve('conf'), signal: abort.signal },
    service: (ref) => services.get(ref.id),
    optionalService: (ref) => services.get(ref.id),
    provide: (ref, it) => owned(services.set(ref.id, it) && (() => services.delete(ref.id))),
    // The host authenticates every request to /openidm below.
    authenticates: (mount) => mount === '/openidm',
    registerRouter: (_mount, factory, it = factory()) => owned(routers.add(it) && (() => routers.delete(it))),
    defer: (_label, cleanUp) => owned(cleanUp),
  }
  try {
    const plugin = await import(pathToFileURL(join(dir, main)))
    await plugin.activate(context)
    active.push(undo)
  } catch (error) {
    await undo()
    throw new Error(`${id} was not activated: ${error.message}`, { cause: error })
  }
}

/** A plugin is activated after the providers of the services it requires. */
async function load(dirs) {
  let waiting = dirs.map((dir) => ({ dir, ...JSON.parse(readFileSync(join(dir, 'plugin.json'), 'utf8')) }))
  const missing = ({ requires = [] }) => requires.filter((service) => !services.has(service))
  while (waiting.length > 0) {
    const next = waiting.find((plugin) => missing(plugin).length === 0)
    if (!next) throw new Error(waiting.map((plugin) => `${plugin.id} requires ${missing(plugin)}`).join('; '))
    waiting = waiting.filter((plugin) => plugin !== next)
    await activate(next)
  }
}

const remotes = fileURLToPath(new URL('.', import.meta.resolve('openidm-external-idm/plugin.json')))
await load([...process.argv.slice(2).map((dir) => resolve(dir)), remotes])

const app = express()
app.use('/openidm', (request, response, next) => {
  if (request.get('authorization') !== `Bearer ${process.env.GATEWAY_KEY}`) return response.sendStatus(401)
  const queue = [...routers]
  const ask = (error) => (error || queue.length === 0 ? next(error) : queue.shift()(request, response, ask))
  ask()
})
const server = app.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () =>
  console.log(`Listening on http://127.0.0.1:${server.address().port}`),
)
process.once('SIGTERM', () => server.close(async () => active.reverse().map((undo) => undo())))
