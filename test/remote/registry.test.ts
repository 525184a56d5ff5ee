import assert from 'node:assert/strict'
import { createSecureContext } from 'node:tls'
import type { ConfigurationObject, JsonObject } from '../../lib/contract.ts'
import type { Instance } from '../../lib/remote/instance/instance.ts'
import { InstanceRegistry } from '../../lib/remote/instance/registry.ts'
import { reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { memoryLog } from '../helpers/log.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'

const CANARY = 'canary-of-a-secret'
const GOOD = { authType: 'basic', instanceUrl: 'http://127.0.0.1:1/openidm/', userName: 'svc', password: CANARY }
const BEARER = {
  authType: 'bearer',
  instanceUrl: 'http://127.0.0.1:1/openidm/',
  clientId: 'c',
  clientSecret: CANARY,
  tokenEndpoint: 'http://127.0.0.1:1/token',
}

function start() {
  const log = memoryLog()
  const registry = new InstanceRegistry({ trust: { secureContext: () => createSecureContext() } }, log)
  onCleanUp(() => registry.close())
  return { log, registry }
}

const objectOf = (alias: string, more: object): ConfigurationObject => ({
  id: `external.idm/${alias}`,
  alias,
  file: `/conf/external.idm-${alias}.json`,
  ...more,
})
const good = (alias: string, content: JsonObject = GOOD): ConfigurationObject => objectOf(alias, { content })
const unreadable = (alias: string, error: string): ConfigurationObject => objectOf(alias, { error })

const instance = (registry: InstanceRegistry, name: string): Instance =>
  registry.get(name) ?? assert.fail(`there is no ${name}`)
const names = (registry: InstanceRegistry): string[] => [...registry.statuses()].map(({ name }) => name)
const isRetired = (old: Instance): boolean => !Reflect.get(old.agent, 'keepAlive')

describe('InstanceRegistry', () => {
  it('creates what is new, in the order of the set', async () => {
    const { registry, log } = start()
    await registry.apply([good('b'), good('a', BEARER)])
    assert.deepEqual(names(registry), ['b', 'a'])
    const { since, ...status } = registry.status('a') ?? assert.fail()
    assert.deepEqual(status, {
      name: 'a',
      enabled: true,
      authType: 'bearer',
      instanceUrl: 'http://127.0.0.1:1/openidm/',
      state: 'UNTRIED',
      lastError: null,
    })
    assert.ok(since instanceof Date)
    assert.deepEqual(log.messages('info'), ['remote instance "b" is in force', 'remote instance "a" is in force'])
    assert.ok(!log.text.includes(CANARY))
  })

  it('keeps what has not changed: same instance, not a word', async () => {
    const { registry, log } = start()
    await registry.apply([good('a')])
    const before = [instance(registry, 'a'), registry.status('a')?.since]
    log.clear()
    await registry.apply([good('a', structuredClone(GOOD))])
    assert.deepEqual([instance(registry, 'a'), registry.status('a')?.since], before)
    assert.deepEqual(log.messages(), [])
  })

  it('replaces what has changed, and retires the old one when its requests have ended', async () => {
    const { registry, log } = start()
    await registry.apply([good('a')])
    const old = instance(registry, 'a')
    old.begin()
    await registry.apply([good('a', { ...GOOD, userName: 'other' })])
    assert.notEqual(instance(registry, 'a'), old)
    assert.ok(isRetired(old))
    let drained = false
    void old.drained().then(() => {
      drained = true
    })
    assert.equal(drained, false)
    old.end()
    await until(() => drained)
    assert.equal(log.messages('info').at(-1), 'remote instance "a" is changed')
  })

  describe('the token of one that is replaced', () => {
    const CHANGES: [change: JsonObject, tokenRequests: number][] = [
      [{ socketTimeout: '5s' }, 1],
      [{ maxConnections: 5, hostnameVerifier: 'ALLOW_ALL' }, 1],
      [{ clientId: 'other' }, 2],
      [{ clientSecret: 'other' }, 2],
      [{ scope: ['other'] }, 2],
      [{ tokenEndpointAuthMethod: 'client_secret_post' }, 2],
      [{ instanceUrl: 'http://127.0.0.1:2/openidm/' }, 2],
    ]
    for (const [change, tokenRequests] of CHANGES) {
      it(`${tokenRequests === 1 ? 'stays with' : 'goes with'} ${JSON.stringify(change)}`, async () => {
        const endpoint = await startRemote({ behaviour: reply({ body: { access_token: 't' } }) })
        const content = { ...BEARER, tokenEndpoint: endpoint.url }
        const { registry } = start()
        await registry.apply([good('a', content)])
        await instance(registry, 'a').authentication.credentials()
        await registry.apply([good('a', { ...content, ...change })])
        await instance(registry, 'a').authentication.credentials()
        assert.equal(endpoint.requests.length, tokenRequests)
      })
    }
  })

  it('removes what is gone', async () => {
    const { registry, log } = start()
    await registry.apply([good('a'), good('b')])
    const old = instance(registry, 'a')
    await registry.apply([good('b')])
    assert.deepEqual(names(registry), ['b'])
    assert.equal(registry.get('a'), undefined)
    assert.equal(registry.status('a'), undefined)
    assert.ok(isRetired(old))
    assert.equal(registry.absence('a'), 'Remote instance "a" not found: there is no conf/external.idm-a.json')
    assert.equal(log.messages('info').at(-1), 'remote instance "a" is removed')
  })

  it('disables and enables', async () => {
    const { registry, log } = start()
    await registry.apply([good('a')])
    const old = instance(registry, 'a')
    await registry.apply([good('a', { ...GOOD, enabled: false })])
    assert.equal(registry.get('a'), undefined)
    assert.ok(isRetired(old))
    const { enabled, state, authType, instanceUrl } = registry.status('a') ?? assert.fail()
    assert.deepEqual([enabled, state, authType, instanceUrl], [false, 'DISABLED', 'basic', GOOD.instanceUrl])
    assert.equal(registry.absence('a'), 'Remote instance "a" is disabled')
    await registry.apply([good('a')])
    assert.equal(registry.status('a')?.state, 'UNTRIED')
    assert.deepEqual(log.messages('info').slice(1), [
      'remote instance "a" is disabled',
      'remote instance "a" is in force',
    ])
  })

  describe('a file with a fault', () => {
    const bad = good('a', { ...GOOD, authType: 'Basic' })
    const fault = 'external.idm-a.json: authType: must be "basic" or "bearer" (found "Basic")'

    it('keeps the last good instance in force, and says so once', async () => {
      const { registry, log } = start()
      await registry.apply([good('a'), good('b')])
      const old = instance(registry, 'a')
      await registry.apply([bad, good('b')])
      await registry.apply([bad, good('b')])
      await registry.apply([structuredClone(bad), good('b')])
      assert.equal(instance(registry, 'a'), old)
      assert.ok(!isRetired(old))
      const { state, lastError, authType } = registry.status('a') ?? assert.fail()
      assert.deepEqual([state, lastError?.message, authType], ['OUTDATED', fault, 'basic'])
      assert.equal(registry.status('b')?.state, 'UNTRIED')
      assert.deepEqual(log.messages('error'), [`${fault}; the last valid version stays in force`])
      const { details } = log.entries.find(({ level }) => level === 'error') ?? assert.fail()
      assert.deepEqual(details, {
        id: 'external.idm/a',
        file: '/conf/external.idm-a.json',
        faults: [
          {
            file: 'external.idm-a.json',
            pointer: ['authType'],
            reason: 'must be "basic" or "bearer" (found "Basic")',
          },
        ],
      })
    })

    it('says so again when the fault is another one', async () => {
      const { registry, log } = start()
      await registry.apply([good('a')])
      await registry.apply([bad])
      await registry.apply([unreadable('a', 'external.idm-a.json: line 3: expected a comma')])
      await registry.apply([bad])
      // Whoever could not read the file has put the error into the log already.
      assert.deepEqual(
        log.entries.flatMap(({ level, message }) =>
          message.includes('the last valid version') ? [[level, message]] : [],
        ),
        [
          ['error', `${fault}; the last valid version stays in force`],
          ['error', `${fault}; the last valid version stays in force`],
        ],
      )
    })

    it('is forgotten when the edit is taken back: the instance was never replaced', async () => {
      const { registry } = start()
      await registry.apply([good('a')])
      const old = instance(registry, 'a')
      await registry.apply([bad])
      const { since } = registry.status('a') ?? assert.fail()
      await registry.apply([good('a')])
      assert.equal(instance(registry, 'a'), old)
      const { state, lastError, since: now } = registry.status('a') ?? assert.fail()
      assert.deepEqual([state, lastError], ['UNTRIED', null])
      assert.notEqual(now, since)
    })

    it('that shows only when the instance is built does not keep the others out', async () => {
      const log = memoryLog()
      const secureContext = () => {
        throw new Error('no TLS here')
      }
      const registry = new InstanceRegistry({ trust: { secureContext } }, log)
      onCleanUp(() => registry.close())
      await registry.apply([good('a'), good('b', { ...GOOD, instanceUrl: 'https://127.0.0.1:1/' }), good('c')])
      assert.deepEqual(
        [...registry.statuses()].map(({ state }) => state),
        ['UNTRIED', 'INVALID', 'UNTRIED'],
      )
      assert.deepEqual(log.messages('error'), ['external.idm-b.json: no TLS here; it is not available'])
    })

    it('is not available when there never was a good one', async () => {
      const { registry, log } = start()
      await registry.apply([bad])
      assert.equal(registry.get('a'), undefined)
      assert.equal(registry.status('a')?.state, 'INVALID')
      assert.deepEqual(log.messages('error'), [`${fault}; it is not available`])
      const absence =
        'Remote instance "a" not found: its configuration is not valid, see the log or the list of instances'
      assert.equal(registry.absence('a'), absence)
      await registry.apply([good('a')])
      assert.equal(registry.status('a')?.state, 'UNTRIED')
    })

    it('does not bring back one that was disabled', async () => {
      const { registry } = start()
      await registry.apply([good('a', { ...GOOD, enabled: false })])
      await registry.apply([bad])
      assert.equal(registry.get('a'), undefined)
      assert.equal(registry.status('a')?.state, 'INVALID')
      await registry.apply([good('a', { ...GOOD, enabled: false })])
      assert.equal(registry.status('a')?.state, 'DISABLED')
    })

    it('never hides one that is removed', async () => {
      const { registry } = start()
      await registry.apply([good('a')])
      await registry.apply([bad])
      await registry.apply([])
      assert.equal(registry.get('a'), undefined)
      assert.deepEqual(names(registry), [])
    })
  })

  it('is untried until the first exchange', async () => {
    const { registry } = start()
    await registry.apply([good('a')])
    const { health } = instance(registry, 'a')
    health.failed('openFiles', 'no more files', undefined)
    assert.equal(registry.status('a')?.state, 'UNTRIED')
    health.succeeded()
    assert.deepEqual([registry.status('a')?.state, registry.status('a')?.since], ['READY', health.since])
    await registry.apply([good('a', { ...GOOD, userName: 'other' })])
    assert.equal(registry.status('a')?.state, 'UNTRIED')
  })

  it('shows a remote that fails, and its recovery', async () => {
    const { registry } = start()
    await registry.apply([good('a')])
    const { health } = instance(registry, 'a')
    health.failed('refused', 'it refused the connection', undefined)
    const { state, lastError, since } = registry.status('a') ?? assert.fail()
    assert.deepEqual([state, lastError?.message, since], ['FAILING', 'it refused the connection', health.since])
    health.succeeded()
    const recovered = registry.status('a') ?? assert.fail()
    assert.deepEqual([recovered.state, recovered.lastError?.message], ['READY', 'it refused the connection'])
  })

  it('warns of what is dangerous or unknown, when it comes into force and not again', async () => {
    const { registry, log } = start()
    const content = { ...GOOD, conectionTimeout: '5s' }
    await registry.apply([good('a', content)])
    await registry.apply([good('a', structuredClone(content))])
    assert.deepEqual(log.messages('warn'), [
      'remote instance "a": unknown property "conectionTimeout" is ignored; did you mean "connectionTimeout"?',
      'remote instance "a": instanceUrl: http sends the credentials in clear text',
    ])
  })

  it('judges content before it is stored', async () => {
    const { registry } = start()
    assert.deepEqual(await registry.validate('external.idm/a', GOOD), [])
    assert.deepEqual(await registry.validate('external.idm/a', { authType: 'x' }), [
      'authType: must be "basic" or "bearer" (found "x")',
    ])
  })

  it('asks for a name where the file has none, and takes dots inside names', async () => {
    const { registry } = start()
    const nameless = { id: 'external.idm', alias: null, file: '/conf/external.idm.json', content: GOOD }
    await registry.apply([nameless, good('config.metadata')])
    const reason = 'the file must be named external.idm-NAME.json: NAME is the instance in external/idm/NAME'
    const consequence = 'it is not available'
    assert.deepEqual(registry.faults(), [{ file: 'external.idm.json', pointer: [], reason, consequence }])
    assert.deepEqual(await registry.validate('external.idm', GOOD), [reason])
    assert.equal(registry.get('external.idm'), undefined)
    assert.ok(registry.get('config.metadata'))
  })

  it('gives out nothing for names that every object has', async () => {
    const { registry } = start()
    await registry.apply([good('a')])
    for (const name of ['constructor', '__proto__', 'toString', ''])
      assert.deepEqual([registry.get(name), registry.status(name)], [undefined, undefined])
  })

  it('waits at its close for what is in flight, that of retired instances included', async () => {
    const { registry } = start()
    await registry.apply([good('a')])
    const old = instance(registry, 'a')
    old.begin()
    await registry.apply([good('a', { ...GOOD, userName: 'other' })])
    const young = instance(registry, 'a')
    young.begin()
    let closed = false
    const closing = registry.close().then(() => {
      closed = true
    })
    assert.equal(registry.get('a'), undefined)
    old.end()
    await old.drained()
    assert.equal(closed, false)
    young.end()
    await closing
  })

  it('has what is in force probed, until it is replaced or removed', async () => {
    const probed: string[] = []
    const registry = new InstanceRegistry(
      { trust: { secureContext: () => createSecureContext() } },
      memoryLog(),
      ({ url }) => {
        probed.push(`begin ${url.port}`)
        return { dispose: () => void probed.push(`end ${url.port}`) }
      },
    )
    onCleanUp(() => registry.close())
    const at = (port: number) => good('a', { ...GOOD, instanceUrl: `http://127.0.0.1:${port}/openidm/` })
    await registry.apply([at(1)])
    await registry.validate('a', { ...GOOD })
    await registry.apply([at(1), good('off', { ...GOOD, enabled: false })])
    assert.deepEqual(probed, ['begin 1'])
    await registry.apply([at(2)])
    assert.deepEqual(probed.toSorted(), ['begin 1', 'begin 2', 'end 1'])
    await registry.apply([])
    assert.equal(probed.at(-1), 'end 2')
  })
})
