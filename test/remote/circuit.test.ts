import assert from 'node:assert/strict'
import type { FaultName } from '../../lib/core/http/fault.ts'
import { ResourceException } from '../../lib/crest/errors.ts'
import { Circuit } from '../../lib/remote/http/circuit.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'

describe('Circuit', () => {
  let log: MemoryLog
  let clock: number
  let circuit: Circuit

  beforeEach(() => {
    log = memoryLog()
    clock = 1000
    circuit = new Circuit('eu', log, () => clock)
  })

  const isOpen = (): number | undefined => {
    try {
      circuit.enter()()
      return undefined
    } catch (error) {
      assert.ok(error instanceof ResourceException)
      assert.equal(error.code, 503)
      return error.retryAfterMs
    }
  }
  const fail = async (fault: FaultName, times: number) => {
    for (let n = 0; n < times; n++) circuit.failed(fault)
    // The policy takes its notes behind us.
    for (let n = 0; n < 20; n++) await undefined
  }

  it('opens at the fifth connection in a row that could not be made, for a second', async () => {
    await fail('refused', 4)
    assert.equal(isOpen(), undefined)
    await fail('nameResolution', 1)
    assert.equal(isOpen(), 1000)
    assert.equal(log.messages('info').length, 1)
  })

  it('counts from the start when a connection is made', async () => {
    await fail('connect', 4)
    circuit.reached()
    await fail('connect', 4)
    assert.equal(isOpen(), undefined)
  })

  const ALIVE: readonly FaultName[] = [
    'reset',
    'response',
    'idle',
    'notHttp',
    'headersTooLarge',
    'queue',
    'queueFull',
    'unexpected',
  ]
  for (const fault of ALIVE) {
    it(`never opens for a remote that is there: ${fault}`, async () => {
      await fail(fault, 50)
      assert.equal(isOpen(), undefined)
    })
  }

  /** Needs the clock of the machine as well: cockatiel looks at that one. */
  const pause = async (ms: number) => {
    const { now } = Date
    const later = now() + ms
    clock += ms
    Date.now = () => later
    return () => {
      Date.now = now
    }
  }

  it('lets one through after the pause, and the others when that one has a connection', async () => {
    await fail('refused', 5)
    const back = await pause(1001)
    try {
      const leave = circuit.enter()
      assert.equal(isOpen(), 1000, 'one at a time')
      circuit.reached()
      assert.equal(isOpen(), undefined)
      leave()
      assert.equal(isOpen(), undefined)
      assert.match(log.messages('info').at(-1) ?? '', /is reached again$/)
    } finally {
      back()
    }
  })

  it('the pause grows while those who are let through fail, be it that they leave', async () => {
    const backs: (() => void)[] = []
    try {
      await fail('refused', 5)
      for (const [ms, next] of [
        [1001, 2000],
        [2001, 4000],
        [4001, 8000],
        [8001, 15_000],
        [15_001, 15_000],
      ] as const) {
        backs.push(await pause(ms))
        const leave = circuit.enter()
        if (ms === 4001) leave()
        else circuit.failed('refused')
        await until(() => isOpen() === next, `a pause of ${next} ms`)
      }
      assert.equal(log.messages('info').length, 1, 'told once')
    } finally {
      for (const back of backs.reverse()) back()
    }
  })

  it('a machine whose clock is set back does not keep callers away', async () => {
    await fail('refused', 5)
    const back = await pause(-3_600_000)
    clock += 3_600_000 + 1001
    try {
      circuit.enter()
      await until(() => isOpen() === undefined)
    } finally {
      back()
    }
  })
})
