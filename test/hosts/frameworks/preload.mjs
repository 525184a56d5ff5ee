/**
 * Loaded before an example of docs/your-own-gateway.md: `openidm-external-idm` is the source of this repository, every port
 * is a free one, and the process that started it is told the port and can close the instances.
 */
import { registerHooks } from 'node:module'
import { Server } from 'node:net'

const source = new URL('./instances.mjs', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'openidm-external-idm' ? { url: source, shortCircuit: true } : next(specifier, context),
})

const { listen } = Server.prototype
Server.prototype.listen = function (...parameters) {
  this.once('listening', () => process.stdout.write(`listens on ${this.address().port}\n`))
  const [first, ...rest] = parameters
  if (typeof first === 'object') return listen.call(this, { ...first, port: 0, host: '127.0.0.1' }, ...rest)
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((parameter) => typeof parameter === 'function'))
}
