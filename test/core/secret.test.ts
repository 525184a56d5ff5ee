import assert from 'node:assert/strict'
import { format, inspect } from 'node:util'
import { Secret } from '../../lib/core/secret.ts'
import { memoryLog } from '../helpers/log.ts'

const CANARY = 'canary-of-a-secret'
const secret = new Secret(CANARY)
const holder = { name: 'eu', nested: { secret }, list: [secret] }

const logged = (details: object): string => {
  const log = memoryLog()
  log.info(details, `with ${secret}`)
  return log.text
}

const WAYS: Record<string, () => string> = {
  'a template': () => `${secret}`,
  concatenation: () => `a ${secret}`,
  'String()': () => String(secret),
  'JSON.stringify': () => JSON.stringify(holder),
  'util.inspect': () => inspect(holder, { depth: 9, showHidden: true, getters: true }),
  'util.format %s %o %j': () => format('%s %o %j', secret, secret, secret),
  'a message of an Error': () => inspect(new Error(`failed: ${secret}`, { cause: holder })),
  pino: () => logged(holder),
  'pino, as err': () => logged({ err: Object.assign(new Error('failed'), holder) }),
}

describe('Secret', () => {
  for (const [way, print] of Object.entries(WAYS)) {
    it(`prints [redacted] by ${way}`, () => {
      assert.match(print(), /\[redacted\]/)
      assert.ok(!print().includes(CANARY))
    })
  }

  it('has nothing to enumerate or to clone', () => {
    assert.deepEqual(Reflect.ownKeys(secret), [])
    assert.ok(!inspect(structuredClone(secret)).includes(CANARY))
    assert.ok(!inspect({ ...secret }).includes(CANARY))
  })

  it('reveals its value when asked', () => assert.equal(secret.reveal(), CANARY))
})
