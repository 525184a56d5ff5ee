import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../lib/contract.ts'
import { internalError } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { OutageResumes } from '../../lib/sync/runs/outage-resumes.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'
import { startStage } from './parts.ts'

const COUNT = 6

/** A target that is away after two creations; the calls that it has refused count as those of a database. */
class FragileTarget extends MemoryCollection {
  misses = 0
  isAway = false
  #created = 0

  override async create(...given: Parameters<MemoryCollection['create']>) {
    this.#check()
    this.#created += 1
    this.isAway = this.#created === 2
    return super.create(...given)
  }

  override async read(...given: Parameters<MemoryCollection['read']>) {
    this.#check()
    return super.read(...given)
  }

  #check(): void {
    if (!this.isAway) return
    this.misses += 1
    throw internalError('The database cannot be reached')
  }
}

describe('a run that an outage of the database interrupts', () => {
  const stageOf = async ({ isAsked = true, isOutage = true } = {}) => {
    const [target, log] = [new FragileTarget(), memoryLog()]
    const observer: OutageResumes = new OutageResumes({
      events: isOutage ? target : { misses: 0 },
      service: () => stage.service,
      isAsked: () => isAsked,
      log,
    })
    const mapping = { correlationQuery: [], taskThreads: 1 }
    const stage = await startStage({ target, observer, mapping })
    for (let index = 0; index < COUNT; index++) await stage.put('a', `u${index}`, { name: `n${index}` })
    return { stage, target, log }
  }

  const read = ({ stage }: Awaited<ReturnType<typeof stageOf>>, { _id }: JsonObject) =>
    stage.connection.read(`recon/${String(_id)}`)

  it('is resumed, and again while the database is still away, where that is asked for', async () => {
    const staged = await stageOf()
    const run = await staged.stage.run()
    await until(() => staged.target.misses > 3, 'attempts')
    assert.equal((await staged.stage.ids('b')).length, 2)
    staged.target.isAway = false
    await until(async () => (await read(staged, run))?.state === 'SUCCESS', 'the run has ended')
    const names = (await staged.stage.connection.query('b', { _queryFilter: 'true' })).result.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    assert.deepEqual(
      staged.log.messages('error').filter((text) => text.includes('not resumed')),
      [],
    )
  })

  it('stays interrupted otherwise', async () => {
    const stays = async (given: Parameters<typeof stageOf>[0]) => {
      const staged = await stageOf(given)
      const run = await staged.stage.run()
      assert.deepEqual([run.state, run.resumable], ['FAILED', true])
      staged.target.isAway = false
      await delay(1500)
      assert.equal((await read(staged, run))?.state, 'FAILED')
    }
    await Promise.all([stays({ isAsked: false }), stays({ isOutage: false })])
  })
})
