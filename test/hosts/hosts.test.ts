import express5 from 'express'
import { describeHost } from './contract.ts'
import { express4With, express5With, type Middleware, plainHttp2, plainWith } from './in-process.ts'

/** Replaces `write` and `end` as request loggers do, and returns nothing from them. */
const logger: Middleware = (_request, response, next) => {
  const { write, end } = response
  Object.assign(response, {
    write: (...parameters: Parameters<typeof write>) => {
      write.apply(response, parameters)
    },
    end: (...parameters: Parameters<typeof end>) => {
      end.apply(response, parameters)
    },
  })
  next()
}

const varies: Middleware = (_request, response, next) => {
  response.setHeader('Vary', 'X-Tenant, Origin')
  next()
}

describe('hosts', () => {
  describeHost('Express 5', express5With())
  describeHost('Express 4', express4With())
  describeHost('node:http', plainWith())
  describeHost('node:http2, h2c', plainHttp2('h2c'))
  describeHost('node:http2 over TLS', plainHttp2('TLS'))
  describeHost('node:http2 over TLS, called over HTTP/1.1', plainHttp2('TLS, HTTP/1.1'))
  describeHost('Express 5 behind a logger, Vary and a body parser', express5With(logger, varies, express5.json()), {
    vary: ['X-Tenant'],
    parsesJson: true,
  })
  describeHost('Express 4 behind a logger and Vary', express4With(logger, varies), { vary: ['X-Tenant'] })
  describeHost('node:http behind a logger and Vary', plainWith(logger, varies), { vary: ['X-Tenant'] })
})
