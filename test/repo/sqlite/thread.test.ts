import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { tempDir } from '../../helpers/files.ts'
import { memoryLog } from '../../helpers/log.ts'
import { queryOf } from '../queries.ts'
import { tempRepository } from '../repositories.ts'

const OPEN = new URL('../../../lib/repo/open.ts', import.meta.url).href
const THREAD = new URL('../../../lib/repo/sqlite/thread/thread.ts', import.meta.url).href

/** Runs a program in a process of its own that has `openRepository`, a `log` that prints, and `file`. */
async function run(program: string): Promise<string> {
  const file = join(await tempDir(), 'repo.db')
  const text = `
    const { openRepository } = await import(${JSON.stringify(OPEN)})
    const print = (_details, message) => console.log(message)
    const log = { trace() {}, debug() {}, info() {}, warn: print, error: print }
    const file = ${JSON.stringify(file)}
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', text])
  return stdout
}

describe('the thread of a database', () => {
  it('does not keep the process alive while nothing waits for it', async () => {
    const program = `
      const repository = await openRepository({ file, log })
      await (await repository.store('t')).insert('a', {})
      console.log('end')`
    assert.equal(await run(program), 'end\n')
  })

  it('nor while it waits for its first database', async () => {
    const program = `
      const { DatabaseThread } = await import(${JSON.stringify(THREAD)})
      const thread = DatabaseThread.current
      process.on('exit', () => console.log(DatabaseThread.current === thread))`
    // It would have given way to another after a while.
    assert.equal(await run(program), 'true\n')
  })

  it('keeps the process alive until the repository is closed', async () => {
    const program = `
      const repository = await openRepository({ file, log })
      const store = await repository.store('t')
      store.insert('a', {}).then(() => console.log('written'))
      await repository.close()
      console.log('closed')`
    assert.equal(await run(program), 'written\nclosed\n')
  })

  it('that crashes fails what waits, says so, and gives way to another for the next repository', async () => {
    const program = `
      const { DatabaseThread } = await import(${JSON.stringify(THREAD)})
      const { Worker } = await import('node:worker_threads')
      let worker
      const post = Worker.prototype.postMessage
      Worker.prototype.postMessage = function (...args) {
        worker = this
        return post.apply(this, args)
      }
      const repository = await openRepository({ file, log })
      const store = await repository.store('t')
      await store.insert('a', {})
      const waiting = store.query({ queryFilter: { operator: 'literal', value: true }, sortKeys: [], pageSize: 0 })
      void worker.terminate()
      const codes = await Promise.allSettled([waiting, store.get('a')])
      console.log(codes.map(({ reason }) => reason?.code).join())
      console.log((await store.get('a').catch((error) => error)).code, repository.fault)
      await repository.close()
      const again = await openRepository({ file, log })
      console.log((await (await again.store('t')).get('a')).id)
      await again.close()`
    const fault = 'The thread of the database has ended (the thread ended with 1): restart the gateway'
    assert.equal(await run(program), `${fault}\n503,503\n503 ${fault}\na\n`)
  })
})

describe('a damaged row', () => {
  async function damage(statement: string) {
    const file = join(await tempDir(), 'repo.db')
    const repository = await tempRepository({ file })
    const store = await repository.store('t', { indexes: ['x'] })
    for (const id of ['a', 'b']) await store.insert(id, { x: id })
    const run = { mapping: 'm', state: 'SUCCESS', isAnalysis: false, persists: false, content: { y: 1 } }
    for (const id of ['r1', 'r2']) await repository.runs().insert({ ...run, id })
    await repository.close()
    const database = new DatabaseSync(file)
    database.exec(statement)
    database.close()
    const log = memoryLog()
    return { file, log, repository: await tempRepository({ file, log }) }
  }

  it('of a run is named, and the others are there', async () => {
    const { repository, log, file } = await damage(`update run set content = '{"y"' where id = 'r1'`)
    assert.deepEqual(
      (await repository.runs().all()).map(({ id }) => id),
      ['r2'],
    )
    const [message = ''] = log.messages('error')
    assert.ok(message.startsWith(`The repository ${file}: table run, row 1 (r1) is damaged: `), message)
  })

  it('of an object is named where it is read, and leaves the others alone', async () => {
    const { repository } = await damage(`update object set content = '{"x"' where id = 'a'`)
    const store = await repository.store('t', { indexes: ['x'] })
    const named = /table object, row 1 \(t\/a\) is damaged: /
    await assert.rejects(store.get('a'), named)
    await assert.rejects(store.query(queryOf({ _queryFilter: 'y eq 1' })), named)
    assert.deepEqual((await store.get('b')).content, { x: 'b' })
    assert.deepEqual((await store.query(queryOf({ _queryFilter: 'x eq "b"' }))).result.length, 1)
  })

  it('of an object is named when an index is built, and the index has the others', async () => {
    const { repository, log, file } = await damage(`update object set content = '{"x"' where id = 'a'`)
    const store = await repository.store('t', { indexes: ['z'] })
    const [message = ''] = log.messages('error')
    assert.ok(message.startsWith(`The repository ${file}: table object, row 1 (t/a) is damaged: `), message)
    await store.replace('a', null, { z: 1 })
    assert.deepEqual((await store.query(queryOf({ _queryFilter: 'z eq 1' }))).result.length, 1)
  })
})
