import 'reflect-metadata'
import { Controller, Get, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { externalIdm } from 'openidm-external-idm'

/** The logger of Nest as a pino-compatible logger. */
const nest = new Logger('external-idm')
const write = (level) => (details, message) => nest[level](`${message} ${JSON.stringify(details)}`)
const quiet = () => undefined
const log = { trace: quiet, debug: quiet, info: write('log'), warn: write('warn'), error: write('error') }

/** Replace with your own check: callers that reach the router use the credentials of the remotes. */
const authorize = ({ headers }) => (headers.authorization === `Bearer ${process.env.GATEWAY_KEY}` ? true : 401)

const idm = await externalIdm({ confDir: 'conf', authorize, log })

/** Nest calls life-cycle methods of providers and modules; `enableShutdownHooks` below triggers them on signals. */
class AppModule {
  onApplicationShutdown() {
    return idm.close()
  }
}

class Ping {
  ping() {
    return { host: 'here' }
  }
}
Get()(Ping.prototype, 'ping', Object.getOwnPropertyDescriptor(Ping.prototype, 'ping'))
Controller('openidm/info/ping')(Ping)
Module({ controllers: [Ping] })(AppModule)

// Nest's body parser runs first; `rawBody: true` keeps the bytes for the router.
const app = await NestFactory.create(AppModule, { rawBody: true, logger: ['error', 'warn'] })
// Mounted before `listen`: later handlers come after Nest's own 404.
app.use('/openidm', idm.router)
app.enableShutdownHooks()
await app.listen(Number(process.env.PORT ?? 8081), '127.0.0.1')
console.log(`Listening on ${await app.getUrl()}`)
