import assert from 'node:assert/strict'
import { Scope } from '../../lib/core/scope.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'

describe('Scope', () => {
  it('undoes last in, first out, one after the other', async () => {
    const scope = new Scope()
    const order: string[] = []
    const gate = Promise.withResolvers<void>()
    scope.defer('first', () => void order.push('first'))
    scope.defer('second', async () => {
      order.push('second begins')
      await gate.promise
      order.push('second ends')
    })
    scope.defer('third', () => void order.push('third'))
    const disposal = scope.dispose()
    await until(() => order.length === 2)
    gate.resolve()
    await disposal
    assert.deepEqual(order, ['third', 'second begins', 'second ends', 'first'])
  })

  it('goes on when a clean-up fails, and names it in the log', async () => {
    const log = memoryLog()
    const scope = new Scope(log)
    let reached = false
    scope.defer('the last one', () => {
      reached = true
    })
    scope.defer('rejects', () => Promise.reject(new Error('no')))
    scope.defer('throws', () => {
      throw new Error('no')
    })
    await scope.dispose()
    assert.equal(reached, true)
    assert.deepEqual(log.messages('error'), ['clean-up failed: throws', 'clean-up failed: rejects'])
    assert.equal(log.entries[0]?.details.cleanUp, 'throws')
  })

  it('is disposed once, however often it is asked', async () => {
    const scope = new Scope()
    let count = 0
    scope.defer('counts', () => {
      count += 1
    })
    assert.equal(scope.dispose(), scope.dispose())
    await scope.dispose()
    assert.equal(count, 1)
  })

  it('runs at once what is registered too late', async () => {
    const scope = new Scope()
    await scope.dispose()
    let done = false
    scope.defer('late', () => {
      done = true
    })
    assert.equal(done, true)
  })

  it('aborts its signal when disposal starts, before any clean-up', async () => {
    const scope = new Scope()
    const { signal } = scope
    assert.equal(signal.aborted, false)
    let aborted: boolean | undefined
    scope.defer('looks', () => {
      aborted = signal.aborted
    })
    await scope.dispose()
    assert.equal(aborted, true)
  })

  it('owns a resource and hands it back', async () => {
    const scope = new Scope()
    const disposed: string[] = []
    const resource = { dispose: () => void disposed.push('resource') }
    assert.equal(scope.own('resource', resource), resource)
    await scope.dispose()
    assert.deepEqual(disposed, ['resource'])
  })

  it('outlives a clean-up that registers another one', async () => {
    const scope = new Scope()
    const order: string[] = []
    scope.defer('outer', () => scope.defer('inner', () => void order.push('inner')))
    await scope.dispose()
    assert.deepEqual(order, ['inner'])
  })
})
