import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, writeFiles } from '../helpers/files.ts'
import { spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { serveDirectory, startDirectory } from './parts.ts'

const CHILD = join(import.meta.dirname, 'fixtures', 'writing.ts')

/** Lets a process write from `first` on and kills it once it has acknowledged `count` writes; returns the last one. */
async function writeAndKill(dir: string, first: number, count: number): Promise<number> {
  const child = spawnNode([CHILD, dir, String(first)])
  await until(() => child.stdout.split('\n').length > count || child.child.exitCode !== null, 'writes')
  await child.kill('SIGKILL')
  assert.equal(child.stderr, '')
  return Number(child.stdout.split('\n').at(-2) ?? first - 1)
}

/** The number in every object; throws for one that is not whole. */
async function numbersIn(dir: string): Promise<Map<string, number>> {
  const files = (await readdir(dir)).filter((file) => file.endsWith('.json'))
  const entries = files.map(async (file) => {
    const { n, check, text } = JSON.parse(await readFile(join(dir, file), 'utf8'))
    assert.deepEqual([check, text.length], [n, 2000], file)
    return [file, n] as const
  })
  return new Map(await Promise.all(entries))
}

describe('config: what was acknowledged lasts', () => {
  it('kill -9 during 1,000 writes loses nothing that was acknowledged and leaves no broken file', async () => {
    const dir = await tempDir()
    let last = -1
    while (last < 1000) {
      last = await writeAndKill(dir, last + 1, 100 + Math.floor(Math.random() * 200))
      const numbers = await numbersIn(dir)
      for (let n = Math.max(0, last - 99); n <= last; n++) {
        const stored = numbers.get(`custom-n${n % 100}.json`) ?? -1
        assert.ok(
          stored === n || (stored === last + 1 && n === last - 99),
          `${n} was acknowledged, ${stored} is stored`,
        )
      }
    }
    const { directory, log } = await startDirectory(dir)
    assert.equal(directory.objects().length, 100)
    assert.deepEqual(log.messages('error'), [])
  })
})

describe('config: a disk that refuses', () => {
  /** A file system of 64 KiB; undefined when this user may not mount one. */
  function smallDisk(dir: string): boolean {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], { stdio: 'ignore' })
    } catch {
      console.log('      (skipped: mounting a file system is not allowed here)')
      return false
    }
    onCleanUp(() => execFileSync('umount', ['-l', dir]))
    return true
  }

  function fill(file: string): void {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(1024, 'x'))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }

  it('full: one clear error, the old content stays, and nothing is left lying about', async function () {
    const dir = await tempDir()
    if (!smallDisk(dir)) this.skip()
    await writeFiles(dir, { 'sync.json': { a: 1 } })
    const { http, log } = await serveDirectory(dir)
    fill(join(dir, 'full'))
    for (const request of [http.put('/openidm/config/sync').send({ a: 2 }), http.put('/openidm/config/new').send({})]) {
      const { body } = await request.expect(500)
      assert.match(
        body.message,
        /^The configuration (sync|new) could not be stored: no space is left on the device; what was stored before is unchanged$/,
      )
    }
    assert.equal(log.messages('error').length, 2)
    assert.deepEqual((await http.get('/openidm/config/sync').expect(200)).body, { _id: 'sync', a: 1 })
    assert.deepEqual((await readdir(dir)).sort(), ['full', 'sync.json'])
    await unlink(join(dir, 'full'))
    await http.put('/openidm/config/sync').send({ a: 2 }).expect(200)
  })

  it('read-only: one clear error for a write and for a delete', async function () {
    const dir = await tempDir()
    if (!smallDisk(dir)) this.skip()
    await writeFiles(dir, { 'sync.json': { a: 1 } })
    const { http } = await serveDirectory(dir)
    execFileSync('mount', ['-o', 'remount,ro', dir])
    for (const request of [http.put('/openidm/config/sync').send({ a: 2 }), http.delete('/openidm/config/sync')]) {
      const { body } = await request.expect(500)
      assert.match(
        body.message,
        /could not be stored: the file system is read-only; what was stored before is unchanged$/,
      )
    }
    assert.deepEqual((await http.get('/openidm/config/sync')).body, { _id: 'sync', a: 1 })
  })
})
