import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { hash } from '../../lib/config/values/crypto/crypto.ts'
import { MAX_WAITING_LOGINS } from '../../lib/core/bounds.ts'
import { HashSemaphore } from '../../lib/core/hash-semaphore.ts'
import { ADMIN, startGateway, type TestGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'

const guess = (name: string, password = 'guess') => ({ 'x-openidm-username': name, 'x-openidm-password': password })

/** Many callers of one address, each over a connection of its own. */
function crowd({ call }: TestGateway) {
  const agent = new Agent({ keepAlive: true })
  onCleanUp(() => agent.destroy())
  return (headers: Record<string, string>) => call('/info/ping', { agent, headers })
}

describe('what logins of strangers cost', () => {
  it('an unknown name costs one hash, as a wrong password does', async () => {
    const { call } = await startGateway()
    const user = { userName: 'bo', givenName: 'Bo', sn: 'Lind', mail: 'bo@example.net', password: 'Passw0rd!' }
    await call('/managed/user/bo', { method: 'PUT', json: user, headers: ADMIN })
    const cost = async (name: string) => {
      const begin = process.cpuUsage()
      assert.equal((await call('/info/ping', { headers: guess(name) })).status, 401)
      const { user, system } = process.cpuUsage(begin)
      return user + system
    }
    await cost('bo')
    const single = process.cpuUsage()
    await hash('x', 'SCRYPT')
    const one = process.cpuUsage(single).user
    for (const name of ['bo', 'nobody', 'openidm-admin']) {
      const spent = Math.min(await cost(name), await cost(name))
      assert.ok(spent > one / 3 && spent < one * 1.8 + 20_000, `${name}: ${spent} µs, one hash ${one} µs`)
    }
  })

  it('thirty connections with wrong passwords do not keep the administrator out', async () => {
    const gateway = await startGateway()
    const ask = crowd(gateway)
    assert.equal((await ask(ADMIN)).status, 200)
    let running = true
    const attacker = async () => {
      while (running) assert.ok([401, 429].includes((await ask(guess('openidm-admin'))).status))
    }
    const attack = Array.from({ length: 30 }, attacker)
    for (let i = 0; i < 20; i++) assert.equal((await ask(ADMIN)).status, 200, `answer ${i}`)
    running = false
    // The late answers end with the gateway.
    await gateway.gateway.stop().catch(() => undefined)
    await Promise.allSettled(attack)
  })

  it('many at once get 429 beyond a short queue, with the time to come again; files are read meanwhile', async () => {
    const ask = crowd(await startGateway())
    const answers = Array.from({ length: MAX_WAITING_LOGINS + 20 }, async (_, i) => {
      const answer = await ask(guess(`nobody-${i}`))
      assert.equal(answer.status, 429)
      return answer
    })
    const refused = await Promise.any(answers)
    const isRead = readFile(import.meta.filename).then(() => true)
    assert.ok(await Promise.race([isRead, Promise.allSettled(answers).then(() => false)]), 'a thread is left for files')
    assert.match(refused.text, /logins wait for their check/)
    assert.equal(refused.headers['retry-after'], '2')
    // The semaphore belongs to the process: the next test finds it free.
    await Promise.allSettled(answers)
  })

  it('logins go before other hashes and never take all threads', async () => {
    const semaphore = new HashSemaphore()
    const order: string[] = []
    const ends: (() => void)[] = []
    const work = (purpose: 'login' | 'other', name: string) =>
      semaphore.run(purpose, async () => {
        order.push(name)
        await new Promise<void>((resolve) => ends.push(resolve))
      })
    const all = ['a', 'b', 'c', 'd'].map((name) => work('other', name))
    const logins = ['1', '2', '3'].map((name) => work('login', name))
    assert.deepEqual(order, ['a', 'b', 'c'])
    for (let done = 0; done < 7; done++) {
      ends.shift()?.()
      await new Promise(setImmediate)
    }
    await Promise.all([...all, ...logins])
    assert.deepEqual(order, ['a', 'b', 'c', '1', '2', 'd', '3'])
  })
})
