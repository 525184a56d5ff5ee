import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { generateKey, type KeyRing, parseKeys } from '../../../lib/config/values/crypto/crypto.ts'
import { KeyWrapper } from '../../../lib/config/values/crypto/key-wrapper.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { newRow, type Row } from '../../../lib/repo/runs/run-row.ts'
import { tempDir } from '../../helpers/files.ts'
import { memoryLog } from '../../helpers/log.ts'
import { keysOf, tempRepository } from '../repositories.ts'

const CANARY = 'canary-7b1d'
const [ONE, TWO] = ['one', 'two'].map((id) => generateKey(id)) as [string, string]

/** A row that holds the canary wherever there is room for personal data. */
const row = (parts: Partial<Row> = {}): Row =>
  newRow({
    phase: 'source',
    qualifier: 'default',
    sourceId: 'u',
    situation: 'ABSENT',
    action: 'CREATE',
    reason: 'no target correlates',
    source: { _id: 'u', mail: CANARY },
    mapped: { mail: CANARY },
    changes: [{ field: '/mail', from: null, to: CANARY }],
    ...parts,
  })

const failed = () =>
  row({ status: 'FAILURE', reason: `no ${CANARY}`, failure: { code: 400, message: `no ${CANARY}` }, changes: null })

async function newRun(repository: Repository, id: string, rows: readonly Row[]) {
  const runs = repository.runs()
  const content: JsonObject = { mapping: 'm', parameters: { sourceQuery: CANARY } }
  const resume: JsonObject = { options: { pilot: { filter: `mail eq "${CANARY}"` } } }
  const flags = { isAnalysis: true, persists: true }
  const number = await runs.insert({ id, mapping: 'm', state: 'ACTIVE', ...flags, content, resume })
  await runs.rows(number).add(rows, true)
  return { number, rows: runs.rows(number) }
}

async function place() {
  const dir = await tempDir()
  const file = join(dir, 'repo.db')
  const bytes = () => readdirSync(dir).map((name) => readFileSync(join(dir, name)))
  return { file, holds: (text: string) => bytes().some((content) => content.includes(text)) }
}

const changesOf = (rows: readonly Row[]) => rows.map(({ changes }) => changes?.[0]?.to ?? null)

describe('personal data of runs at rest', () => {
  it('is nowhere in the files of the database, and comes back as it was', async () => {
    const { file, holds } = await place()
    const repository = await tempRepository({ file, keys: keysOf(ONE) })
    const planned = [row(), failed(), row({ changes: [] })]
    const { number, rows } = await newRun(repository, 'r', planned)
    await repository.runs().update(number, 'SUCCESS', { mapping: 'm', stageDescription: CANARY })
    await repository.runs().keep(number, { options: { ids: [CANARY] } })
    const [first] = await rows.waiting(0, 1)
    const outcome = { ...(first as Row), status: 'FAILURE' as const, failure: { code: 400, message: CANARY } }
    await rows.finish([outcome], true)
    assert.equal(holds(CANARY), false)
    assert.ok(holds('no target correlates'), 'the files that are searched are those of the database')
    const found = await rows.after(0, 10)
    assert.deepEqual(changesOf(found), [CANARY, null, null])
    assert.deepEqual(
      found.map(({ reason, failure }) => [reason, failure?.message ?? null]),
      [
        ['no target correlates', CANARY],
        [`no ${CANARY}`, `no ${CANARY}`],
        ['no target correlates', null],
      ],
    )
    assert.deepEqual((await rows.waiting(0, 10))[0]?.source, { _id: 'u', mail: CANARY })
    const stored = await repository.runs().find('r')
    assert.equal(stored?.content.stageDescription, CANARY)
    assert.deepEqual(stored?.resume, { options: { ids: [CANARY] } })
    await repository.close()
    assert.equal(holds(CANARY), false)
    const again = await tempRepository({ file, keys: keysOf(ONE) })
    assert.deepEqual(changesOf(await again.runs().rows(number).after(0, 10)), [CANARY, null, null])
  })

  it('is counted without being decrypted', async () => {
    const writes = [{ method: 'create', placeholder: 'x', resourcePath: 'managed/a' }] as never
    const kept = [row(), row({ changes: [] }), row({ writes, isApproximate: true }), failed()]
    const { rows } = await newRun(await tempRepository(), 'r', kept)
    const [count] = await rows.countByKind()
    const { changing, writing, approximate, waiting } = count ?? {}
    assert.deepEqual([changing, writing, approximate, waiting], [2, 1, 1, 3])
  })

  it('opens only in its own row and column', async () => {
    const { file } = await place()
    const repository = await tempRepository({ file })
    const { number, rows } = await newRun(repository, 'r', [row(), row({ changes: [] })])
    const tamper = (text: string) => {
      const database = new DatabaseSync(file)
      database.exec(text)
      database.close()
    }
    tamper(`update run_row set changes = (select changes from run_row where run = ${number} order by key limit 1)`)
    await assert.rejects(rows.after(0, 10), /run_row, row \d+ is damaged: it was altered, or belongs to another row/)
    tamper('update run_row set changes = work')
    await assert.rejects(rows.after(0, 10), /it was altered, or belongs to another row/)
  })

  it('of a run whose key is lost is not shown; the run is named, and others work', async () => {
    const { file } = await place()
    const before = await tempRepository({ file, keys: keysOf(ONE) })
    await newRun(before, 'old', [row()])
    await before.close()
    const log = memoryLog()
    const repository = await tempRepository({ file, keys: keysOf(TWO), log })
    const { rows } = await newRun(repository, 'new', [row()])
    const [old, fresh] = await repository.runs().all()
    assert.match(
      String(old?.content.stageDescription),
      /is encrypted with the key "one", and the configured keys are two/,
    )
    assert.deepEqual(fresh?.content.parameters, { sourceQuery: CANARY })
    const lost = repository.runs().rows(old?.number ?? 0)
    assert.deepEqual(await lost.after(0, 10), [])
    await assert.rejects(lost.waiting(0, 10), /The plan of this reconciliation is encrypted with the key "one"/)
    assert.deepEqual(changesOf(await rows.after(0, 10)), [CANARY])
    await repository.runs().all()
    assert.equal(log.messages('error').filter((line) => line.includes('reconciliation old is encrypted')).length, 1)
    await repository.runs().update(old?.number ?? 0, 'FAILED', { mapping: 'm', state: 'FAILED' })
    assert.equal((await repository.runs().find('old'))?.content.state, 'FAILED')
  })

  it('is refused without a key: nothing is stored in clear', async () => {
    const { file, holds } = await place()
    const repository = await tempRepository({ file, keys: undefined })
    await assert.rejects(newRun(repository, 'r', [row()]), /Reconciliations cannot be stored: .* without keys/)
    assert.deepEqual(await repository.runs().all(), [])
    assert.equal(holds(CANARY), false)
  })

  it('is readable with a new key alone once its data keys are encrypted anew', async () => {
    const { file } = await place()
    const before = await tempRepository({ file, keys: keysOf(ONE) })
    const { number } = await newRun(before, 'r', [row()])
    await before.close()
    const between = await tempRepository({ file, keys: keysOf(TWO, ONE) })
    assert.deepEqual(await between.rewrapRunKeys(), { count: 1, failures: [] })
    assert.deepEqual(await between.rewrapRunKeys(), { count: 0, failures: [] })
    await between.close()
    const after = await tempRepository({ file, keys: keysOf(TWO) })
    assert.deepEqual(changesOf(await after.runs().rows(number).after(0, 10)), [CANARY])
    await after.close()
    const lost = await tempRepository({ file, keys: keysOf(ONE) })
    const { count, failures } = await lost.rewrapRunKeys()
    assert.equal(count, 0)
    assert.match(failures.join(), /^reconciliation number 1 is encrypted with the key "two"/)
  })

  it('moves with its rows, and is gone with the last run that has them', async () => {
    const { file, holds } = await place()
    const repository = await tempRepository({ file })
    const runs = repository.runs()
    const [plan, execution] = [await newRun(repository, 'plan', [row()]), await newRun(repository, 'run', [])]
    await runs.moveRows(plan.number, execution.number)
    await runs.remove(plan.number)
    assert.deepEqual(changesOf(await execution.rows.after(0, 10)), [CANARY])
    await runs.remove(execution.number)
    assert.deepEqual(await execution.rows.after(0, 10), [])
    await repository.close()
    const database = new DatabaseSync(file)
    assert.deepEqual(
      database.prepare('select count(*) as n from run_key union all select count(*) from run_row').all(),
      [
        { n: 0, __proto__: null },
        { n: 0, __proto__: null },
      ] as never,
    )
    database.close()
    assert.equal(holds('$crypto'), false, 'a deleted data key is overwritten')
  })

  it('of a removal that was interrupted is removed later', async () => {
    const { file } = await place()
    const repository = await tempRepository({ file })
    const [gone, stays] = [await newRun(repository, 'gone', [row()]), await newRun(repository, 'stays', [row()])]
    const database = new DatabaseSync(file)
    database.exec(`delete from run where number = ${gone.number}`)
    await repository.runs().removeOrphans()
    assert.deepEqual(
      database
        .prepare('select run from run_row')
        .all()
        .map(({ run }) => run),
      [stays.number],
    )
    database.close()
  })
})

describe('a queued change', () => {
  const event: NewEvent = {
    ...{ mapping: 'm', collection: 'managed/user', resourceId: 'u', action: 'update', objectRev: '1', chain: [] },
    ...{ oldObject: { mail: CANARY }, newObject: { mail: CANARY }, transactionId: null, userId: null },
  }

  it('is encrypted, with its error, and readable with a new key once its data key is encrypted anew', async () => {
    const { file, holds } = await place()
    const before = await tempRepository({ file, keys: keysOf(ONE) })
    await before.events().add([event, { ...event, oldObject: null }])
    const [acquired] = await before.jobs().acquire('m', 1)
    assert.ok(acquired)
    await before.events().finish([{ event: acquired, result: 'dead', error: { message: CANARY } }])
    await before.events().add([event])
    await before.close()
    assert.equal(holds(CANARY), false)
    const between = await tempRepository({ file, keys: keysOf(TWO, ONE) })
    assert.deepEqual(await between.rewrapRunKeys(), { count: 1, failures: [] })
    await between.close()
    const after = await tempRepository({ file, keys: keysOf(TWO) })
    const [letter] = await after.events().deadLetters({}, null, 1)
    assert.deepEqual([letter?.oldObject, letter?.lastError], [{ mail: CANARY }, { message: CANARY }])
    assert.deepEqual((await after.events().page({}, null, 1))[0]?.newObject, { mail: CANARY })
    await after.events().add([{ ...event, resourceId: 'other' }])
  })

  it('whose key is lost is carried out without its objects, and logged', async () => {
    const { file } = await place()
    const before = await tempRepository({ file, keys: keysOf(ONE) })
    await before.events().add([event])
    await before.close()
    const log = memoryLog()
    const after = await tempRepository({ file, keys: keysOf(TWO), log })
    const [acquired] = await after.jobs().acquire('m', 1)
    assert.deepEqual([acquired?.resourceId, acquired?.oldObject], ['u', null])
    assert.equal(log.messages('error').length, 1)
    assert.match((await after.rewrapRunKeys()).failures.join(), /^the queue is encrypted with the key "one"/)
  })

  it('is stored with the first key of the project that another process has just created', async () => {
    const { file } = await place()
    const ring = parseKeys(ONE, 'test')
    let found: KeyRing | undefined
    const refresh = async () => {
      found = ring
    }
    const keys = new KeyWrapper({ current: () => found, ensure: async () => ring, refresh })
    const late = await tempRepository({ file, keys })
    const store = await late.store('managed/user')
    const first = await tempRepository({ file, keys: keysOf(ONE) })
    await first.events().add([event])
    await store.insert('v', {}, { events: [{ ...event, resourceId: 'v' }] })
    const [one, other] = await late.events().page({}, null, 2)
    assert.deepEqual([one?.newObject, other?.resourceId], [{ mail: CANARY }, 'v'])
  })

  it('is refused without a key: neither it nor the write that causes it is stored', async () => {
    const { file } = await place()
    const repository = await tempRepository({ file, keys: undefined })
    const store = await repository.store('managed/user')
    await assert.rejects(store.insert('u', {}, { events: [event] }), /Queued changes cannot be stored: .* without keys/)
    assert.equal(await store.find('u'), undefined)
  })
})
