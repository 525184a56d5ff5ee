import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onCleanUp } from '../helpers/clean-up.ts'
import { startGateway, type TestGateway } from './parts.ts'

const fileOf = ({ project }: TestGateway) => join(project.db, 'openidm.db')

const LOSSES: Readonly<Record<string, (file: string) => void>> = {
  'is deleted': (file) => rmSync(file),
  'is moved away': (file) => renameSync(file, `${file}.old`),
  'is replaced by a copy': (file) => {
    copyFileSync(file, `${file}.copy`)
    renameSync(`${file}.copy`, file)
  },
  'loses its write-ahead log': (file) => rmSync(`${file}-wal`),
}

describe('the database of a running gateway', () => {
  for (const [title, lose] of Object.entries(LOSSES))
    it(`${title}: writes are refused and the gateway is not ready, all else goes on`, async () => {
      const gateway = await startGateway()
      const { call, log } = gateway
      const put = (id: string) =>
        call(`/managed/user/${id}`, {
          method: 'PUT',
          json: { userName: id, sn: 's', givenName: 'g', mail: `${id}@example.com` },
        })
      const created = await put('u1')
      assert.equal(created.status, 201, created.text)
      assert.equal((await call('/health/ready')).status, 200)
      lose(fileOf(gateway))
      for (const answer of [await put('u2'), await call('/managed/user/u1', { method: 'DELETE' })])
        assert.equal(answer.status, 503, answer.text)
      const ready = await call('/health/ready')
      assert.deepEqual(
        [ready.status, (ready.json as { detail: { state: string } }).detail.state],
        [503, 'ACTIVE_NOT_READY'],
      )
      assert.equal((await call('/info/ping')).status, 503)
      assert.equal((await call('/health/live')).status, 200)
      assert.equal((await call('/managed/user/u1')).status, 200)
      assert.equal((await call('/config?_queryFilter=true')).status, 200)
      assert.ok(log.lines.some((line) => line.includes('was deleted or replaced while it was in use')))
    })

  it('is locked by another process: a write waits, then 503 with Retry-After; all else goes on', async () => {
    const gateway = await startGateway()
    const other = new DatabaseSync(fileOf(gateway))
    onCleanUp(() => other.close())
    other.exec('begin immediate')
    const write = gateway.call('/internal/user/u1', { method: 'PUT', json: { roles: [] } })
    assert.equal((await gateway.call('/internal/user?_queryFilter=true')).status, 200)
    const { status, headers } = await write
    assert.deepEqual([status, headers['retry-after']], [503, '1'])
    other.exec('rollback')
    const again = await gateway.call('/internal/user/u1', { method: 'PUT', json: { roles: [] } })
    assert.equal(again.status, 201, again.text)
  })

  it('has a damaged run: it is named, and the gateway starts', async () => {
    const first = await startGateway()
    const { project } = first
    await first.gateway.stop()
    const database = new DatabaseSync(fileOf(first))
    const content = JSON.stringify({ ended: new Date().toISOString() })
    database.exec(`insert into run (id, mapping, state, is_analysis, persists, content)
      values ('r1', 'm', 'SUCCESS', 0, 0, '{"mapping":'), ('r2', 'm', 'SUCCESS', 0, 0, '${content}')`)
    database.close()
    const { call, log } = await startGateway({ project })
    const { json } = await call('/recon')
    assert.deepEqual(
      (json as { reconciliations: { _id: string }[] }).reconciliations.map(({ _id }) => _id),
      ['r2'],
    )
    assert.ok(log.lines.some((line) => line.includes(`${fileOf(first)}: table run, row 1 (r1) is damaged: `)))
  })
})
