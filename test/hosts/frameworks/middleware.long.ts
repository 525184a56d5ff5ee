import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { reply } from '../../helpers/behaviours.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { startRemote } from '../../helpers/remote.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { bodyOf } from '../client.ts'
import { describeHost, KEY } from '../contract.ts'
import { express4With, express5With, type Middleware } from '../in-process.ts'
import { assertInstalled } from './examples.ts'

const require = createRequire(import.meta.url)
/** The packages are installed beside, where the type checker of a bare checkout does not find them. */
type Factory = (...options: unknown[]) => Middleware
const middleware = (name: string, ...options: unknown[]): Middleware => {
  const module = require(name) as Factory | { readonly default: Factory }
  return (typeof module === 'function' ? module : module.default)(...options)
}

const silent = { write: () => undefined }

/** What applications have before their routes. */
const usual = (): Middleware[] => [
  middleware('morgan', 'combined', { stream: silent }),
  middleware('helmet'),
  middleware('cors', { origin: ['https://app.example.com'], credentials: true }),
  middleware('compression', { threshold: 0 }),
  middleware('express-session', { secret: 'x', resave: false, saveUninitialized: true }),
  middleware('express-rate-limit', { limit: 100_000, standardHeaders: true }),
]

const parsers = (): Middleware[] => {
  const express = require('express') as { json(): Middleware; urlencoded(options: object): Middleware }
  return [express.json(), express.urlencoded({ extended: false })]
}

describe('hosts with the usual middleware', () => {
  before(assertInstalled)

  for (const [title, host] of [
    ['Express 5', express5With],
    ['Express 4', express4With],
  ] as const) {
    describeHost(
      `${title} behind morgan, helmet, cors, compression, session and rate limit`,
      (conf) => host(...usual())(conf),
      {
        vary: ['Accept-Encoding'],
      },
    )
    describeHost(`${title} behind body parsers too`, (conf) => host(...usual(), ...parsers())(conf), {
      vary: ['Accept-Encoding'],
      parsesJson: true,
    })

    it(`${title} compresses what its callers accept, and sends its own headers`, async () => {
      const remote = await startRemote()
      const dir = await tempDirWith({ 'conf/external.idm-eu.json': basicOf(remote) })
      const { client } = await host(...usual())(`${dir}/conf`)
      remote.answer(reply({ body: { text: 'x'.repeat(5000) } }))
      const headers = { ...KEY, 'accept-encoding': 'gzip', origin: 'https://app.example.com' }
      const answer = await client.open('/openidm/external/idm/eu/x', { headers })
      assert.equal(answer.headers['content-encoding'], 'gzip')
      assert.deepEqual(JSON.parse(gunzipSync(await bodyOf(answer)).toString()), { text: 'x'.repeat(5000) })
      assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example.com')
      for (const name of ['set-cookie', 'x-content-type-options', 'ratelimit-limit'])
        assert.ok(answer.headers[name], name)
    })
  }

  it('a rate limit answers before the router is asked', async () => {
    const remote = await startRemote()
    const dir = await tempDirWith({ 'conf/external.idm-eu.json': basicOf(remote) })
    const { client } = await express5With(middleware('express-rate-limit', { limit: 1 }))(`${dir}/conf`)
    const statuses = [1, 2].map(() => client.open('/openidm/external/idm/eu/x', { headers: KEY }))
    assert.deepEqual((await Promise.all(statuses)).map(({ status }) => status).sort(), [200, 429])
  })
})
