/** Configuration bodies over REST, the text of files, expressions, and key stores. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parseConfigText } from '../../lib/config/files/config-text.ts'
import { evaluateExpression } from '../../lib/config/values/substitution/expression.ts'
import { parseProperties } from '../../lib/config/values/substitution/value-sources-properties.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { readPem } from '../../lib/trust/certificate-pem.ts'
import { readCertificates } from '../../lib/trust/keystore.ts'
import { KeystoreError } from '../../lib/trust/keystore-error.ts'
import { startGateway } from '../gateway/parts.ts'
import { pumped, quickly, type Target } from './target.ts'

const member = fc.oneof(
  fc.constantFrom<unknown>(
    'basic',
    'bearer',
    'http://127.0.0.1:1/openidm/',
    'javascript:alert(1)',
    'https://u:canary-secret@host/',
    '&{nothing}',
    '&{a|b}',
    '&{',
    { $int: '1' },
    { $purpose: { name: 'x' } },
    { $crypto: { type: 'x-external-idm-encryption', value: {} } },
    '********',
    -1,
    1e9,
  ),
  fc.jsonValue({ maxDepth: 2 }),
)
const KEYS = [
  'authType',
  'instanceUrl',
  'userName',
  'password',
  'clientId',
  'clientSecret',
  'tokenEndpoint',
  'scope',
  'proxy',
  'connectionTimeout',
  'clientCertificate',
  'enabled',
  '__proto__',
]
const instance = fc.dictionary(fc.constantFrom(...KEYS), member, { maxKeys: 6 })
const good = { authType: 'basic', instanceUrl: 'http://127.0.0.1:1/openidm/', userName: 'u' }
const body = fc.oneof(
  fc.jsonValue(),
  instance,
  instance.map((more) => ({ ...good, ...more })),
)

export const configuration: Target = {
  name: 'configuration bodies over REST',
  quickRuns: 60,
  async start() {
    const conf = { 'external.idm-eu.json': { ...good, password: 'canary-password' } }
    const gateway = await startGateway({ conf, plugins: [packageRoot] })
    const paths = fc.constantFrom(
      'external.idm/eu',
      'external.idm/fuzz',
      'access',
      'router',
      'endpoint/fuzz',
      'managed',
    )
    return fc.asyncProperty(paths, body, async (path, json) => {
      // What is good is not stored for objects that the next input depends on.
      const method = path.startsWith('external') ? 'PUT' : 'PATCH'
      const answer = await gateway.call(`/config/${path}`, { method, json })
      assert.ok(answer.status < 500 || answer.status === 501, `${answer.status} ${answer.text}`)
      assert.equal(answer.text.includes('canary-password'), false, 'a stored secret is shown')
      assert.equal((await gateway.call('/info/ping')).status, 200)
    })
  },
}

const FILES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\\u0041',
  '\\',
  '1',
  'true',
  ' ',
  '\n',
  '\r\n',
  '"a":',
  '#',
  '=',
  '\\\n',
]

export const files: Target = {
  name: 'the text of configuration and property files',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(FILES), (text) => {
      inSentences(() => parseConfigText(Buffer.from(text)))
      inSentences(() => parseProperties(text))
    })
  },
}

/** What cannot be read is said in a sentence for a person. */
function inSentences(read: () => unknown): void {
  quickly(() => {
    try {
      read()
    } catch (error) {
      assert.ok(error instanceof Error && error.message.length < 500, String(error))
    }
  })
}

const EXPRESSIONS = ['&{', '}', '|', 'a', 'b', '&{a}', '&{b|&{a}}', '\\&{', '{', '\\', ' ']

export const expressions: Target = {
  name: 'expressions',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(EXPRESSIONS), pumped(EXPRESSIONS), (text, value) => {
      const sources = {
        lookup: (token: string) => (token === 'a' || token === 'b' ? { value, literal: false } : undefined),
        describe: () => 'nowhere',
      } as unknown as Parameters<typeof evaluateExpression>[1]
      quickly(() => {
        try {
          assert.ok(evaluateExpression(text, sources).length <= 1024 * 1024 + text.length)
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof RangeError), String(error))
        }
      })
    })
  },
}

const STORES = join(import.meta.dirname, '../fixtures/keystores')
const stores = readdirSync(STORES)
  .filter((file) => /\.(p12|jks|jceks|pem)$/.test(file))
  .map((file) => ({ file, bytes: readFileSync(join(STORES, file)) }))
const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255), keep: fc.nat(20) })

export const keyStores: Target = {
  name: 'key stores',
  quickRuns: 60,
  async start() {
    const damaged = fc.tuple(fc.constantFrom(...stores), fc.array(change, { maxLength: 4 }), fc.boolean())
    return fc.asyncProperty(damaged, async ([{ file, bytes }, changes, cut]) => {
      let copy = Buffer.from(bytes)
      for (const { at, byte } of changes) copy[Math.floor(at * (copy.length - 1))] = byte
      if (cut && changes[0]) copy = copy.subarray(0, Math.floor(changes[0].at * copy.length))
      const begin = performance.now()
      try {
        if (file.endsWith('.pem')) readPem(copy.toString('utf8'), file)
        else await readCertificates({ file, bytes: copy, password: 'changeit' })
      } catch (error) {
        assert.ok(error instanceof KeystoreError, `${file}: ${error instanceof Error ? error.stack : error}`)
      }
      assert.ok(performance.now() - begin < 5000, `${file}: ${performance.now() - begin} ms`)
    })
  },
}
