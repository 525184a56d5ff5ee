import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { unlinkSync, writeFileSync } from 'node:fs'
import { chmod, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { watchDirectory } from '../../lib/config/files/watcher.ts'
import type { Json } from '../../lib/contract.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith, writeAtomically, writeConfigMap, writeFiles, writeInHalves } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'
import { type Recorder, type Started, startDirectory } from './parts.ts'

const FILE = 'external.idm-eu.json'
const currentOf = (consumer: Recorder): Json | undefined => consumer.object('external.idm/eu')?.content?.v
const hasValue = (consumer: Recorder, v: Json) => until(() => currentOf(consumer) === v, `v is ${v}`)
/** Every value that was in force, absence and errors included: nothing else may have been there in between. */
const history = ({ sets }: Recorder) =>
  sets
    .map((objects) => objects.find(({ id }) => id === 'external.idm/eu'))
    .map((object) => object?.error ?? object?.content?.v ?? 'absent')
    .filter((value, index, all) => value !== all[index - 1])

describe('config: changes of files come into force', () => {
  const started = async (): Promise<Started & { dir: string; file: string }> => {
    const dir = await tempDirWith({ [FILE]: { v: 0 } })
    return { ...(await startDirectory(dir)), dir, file: join(dir, FILE) }
  }

  it('a new file, an edit, a deletion', async () => {
    const { dir, file, consumer } = await started()
    await writeFile(join(dir, 'external.idm-us.json'), '{}')
    await until(() => consumer.ids.length === 2)
    await writeFile(file, '{"v":1}')
    await hasValue(consumer, 1)
    await unlink(file)
    await until(() => consumer.ids.join() === 'external.idm/us')
  })

  it('R8: an atomic rename is one change', async () => {
    const { file, consumer } = await started()
    await writeAtomically(file, { v: 1 })
    await hasValue(consumer, 1)
    assert.deepEqual(history(consumer), [0, 1])
  })

  it('R8: an editor that saves by unlink and create does not take the object away', async () => {
    const { dir, file, consumer, directory } = await started()
    for (const v of [1, 2, 3]) {
      await rename(file, `${file}~`)
      await writeFile(join(dir, `external.idm-witness${v}.json`), '{}')
      await until(() => consumer.object(`external.idm/witness${v}`), 'a scan has missed the file')
      await writeFile(file, JSON.stringify({ v }))
      await hasValue(consumer, v)
    }
    await directory.rescan()
    assert.deepEqual(history(consumer), [0, 1, 2, 3])
  })

  it('R8: files that editors leave lying about are no objects', async () => {
    const { dir, file, consumer, directory, log } = await started()
    const leavings = [`${FILE}~`, `.${FILE}.swp`, `.${FILE}.swx`, '4913', `#${FILE}#`, `.${FILE}.draft`, `${FILE}.bak`]
    await writeFiles(dir, Object.fromEntries(leavings.map((name) => [name, 'no json'])))
    await symlink('someone@host.1234', join(dir, `.#${FILE}`))
    await writeFile(file, '{"v":1}')
    await hasValue(consumer, 1)
    await directory.rescan()
    assert.deepEqual(consumer.ids, ['external.idm/eu'])
    assert.deepEqual(log.messages('error'), [])
  })

  it('R8: half a file is never in force and never reported, however slow the writer', async () => {
    const { file, consumer, directory, log } = await started()
    for (const v of [1, 2, 3]) {
      await writeInHalves(file, { v, text: 'x'.repeat(100) }, () => directory.rescan())
      await hasValue(consumer, v)
    }
    await writeInHalves(file, '{"v":4}', () => rm(`${file}.none`, { force: true }))
    await hasValue(consumer, 4)
    assert.deepEqual(history(consumer), [0, 1, 2, 3, 4])
    assert.deepEqual(log.messages('error'), [])
  })

  it('R8: rapid repeated writes come into force while they go on, and the last one does', async () => {
    const { file, consumer, log } = await started()
    const end = performance.now() + 1000
    let v = 0
    while (performance.now() < end) await writeAtomically(file, { v: ++v })
    const seen = consumer.sets.length
    await hasValue(consumer, v)
    assert.ok(seen > 10, `${seen} of ${v} writes came into force meanwhile`)
    assert.deepEqual(log.messages('error'), [])
  })

  it('R9: a ConfigMap swap comes into force, however often', async () => {
    const dir = await tempDir()
    await writeConfigMap(dir, { [FILE]: { v: 0 } })
    const { consumer } = await startDirectory(dir)
    for (const v of [1, 2, 3]) {
      await writeConfigMap(dir, { [FILE]: { v }, 'external.idm-us.json': {} })
      await hasValue(consumer, v)
    }
    assert.deepEqual(consumer.ids, ['external.idm/eu', 'external.idm/us'])
    await writeConfigMap(dir, { 'external.idm-us.json': {} })
    await until(() => consumer.ids.join() === 'external.idm/us')
    assert.deepEqual(history(consumer), [0, 1, 2, 3, 'absent'])
  })

  it('R9: the target of a link that lies elsewhere is watched', async () => {
    const elsewhere = await tempDirWith({ 'target.json': { v: 1 } })
    const { file, consumer } = await started()
    await unlink(file)
    await symlink(join(elsewhere, 'target.json'), file)
    await hasValue(consumer, 1)
    await writeFile(join(elsewhere, 'target.json'), '{"v":2}')
    await hasValue(consumer, 2)
  })

  it('the directory removed and made again, and replaced as a whole', async () => {
    const root = await tempDirWith({ [`conf/${FILE}`]: { v: 0 }, [`next/${FILE}`]: { v: 2 } })
    const dir = join(root, 'conf')
    const { consumer } = await startDirectory(dir)
    await rm(dir, { recursive: true })
    await writeFiles(dir, { [FILE]: { v: 1 } })
    await hasValue(consumer, 1)
    await rename(dir, join(root, 'old'))
    await rename(join(root, 'next'), dir)
    await hasValue(consumer, 2)
    await writeFile(join(dir, FILE), '{"v":3}')
    await hasValue(consumer, 3)
  })

  it('the directory moved away and back', async () => {
    const { dir, file, consumer, directory, log } = await started()
    await rename(dir, `${dir}-away`)
    onCleanUp(() => rm(`${dir}-away`, { recursive: true, force: true }))
    await until(() => log.messages('error').length === 1)
    await rename(`${dir}-away`, dir)
    await directory.rescan()
    await writeFile(file, '{"v":1}')
    await hasValue(consumer, 1)
    await writeFile(file, '{"v":2}')
    await hasValue(consumer, 2)
  })

  it('the directory reached through a link that turns', async () => {
    const root = await tempDirWith({ [`one/${FILE}`]: { v: 1 }, [`two/${FILE}`]: { v: 2 } })
    const dir = join(root, 'conf')
    await symlink('one', dir)
    const { consumer } = await startDirectory(dir)
    await symlink('two', join(root, 'draft'))
    await rename(join(root, 'draft'), dir)
    await hasValue(consumer, 2)
    await writeFile(join(dir, FILE), '{"v":3}')
    await hasValue(consumer, 3)
  })

  it('1,000 files at once', async () => {
    const { dir, consumer } = await started()
    const names = Array.from({ length: 1000 }, (_, n) => `external.idm-n${n}.json`)
    for (const name of names) writeFileSync(join(dir, name), '{}')
    await until(() => consumer.ids.length === 1001)
    for (const name of names) unlinkSync(join(dir, name))
    await until(() => consumer.ids.length === 1)
  })

  it('each of a hundred edits among 1,000 files comes into force', async () => {
    const dir = await tempDirWith({ [FILE]: { v: 0 } })
    for (let n = 0; n < 1000; n++) writeFileSync(join(dir, `external.idm-n${n}.json`), '{}')
    const { consumer } = await startDirectory(dir)
    for (let v = 1; v <= 100; v++) {
      await writeAtomically(join(dir, FILE), { v })
      await hasValue(consumer, v)
    }
  })

  it('R10: no event after close, and nothing is called', async () => {
    const { dir, file, directory, consumer } = await started()
    let events = 0
    const watcher = watchDirectory({ dir, log: memoryLog(), safetyScanMs: 1, onEvent: () => events++ })
    await until(() => events > 0)
    await writeFile(file, '{"v":1}')
    await Promise.all([watcher.dispose(), directory.close()])
    const before = { events, sets: consumer.sets.length }
    let seen = 0
    const witness = watchDirectory({ dir, log: memoryLog(), onEvent: () => seen++ })
    onCleanUp(() => witness.dispose())
    await until(() => seen > 0)
    const ready = seen
    await writeFile(file, '{"v":2}')
    await until(() => seen > ready)
    await directory.rescan()
    assert.deepEqual({ events, sets: consumer.sets.length }, before)
  })

  it('R9: a slow safety scan covers file systems without events', async () => {
    let events = 0
    const watcher = watchDirectory({
      dir: await tempDir(),
      log: memoryLog(),
      safetyScanMs: 5,
      onEvent: () => events++,
    })
    await until(() => events > 3)
    await watcher.dispose()
  })
})

const CHILD = join(import.meta.dirname, 'fixtures', 'watching.ts')

describe('config: the process behind a ConfigDirectory', () => {
  it('R10: exits by itself after close', async () => {
    const { status, stderr } = spawnSync(process.execPath, [CHILD, await tempDir(), 'close'], { timeout: 8000 })
    assert.equal(status, 0, String(stderr))
  })

  it('R7: names a file that it may not read', async () => {
    const dir = await tempDirWith({ [FILE]: {} })
    await chmod(dir, 0o755)
    await chmod(join(dir, FILE), 0)
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
    const { stdout, stderr } = spawnSync(process.execPath, [CHILD, dir, 'close'], {
      timeout: 8000,
      encoding: 'utf8',
      ...nobody,
    })
    assert.match(
      stdout,
      /error .*external\.idm\/eu cannot be used: external\.idm-eu\.json: it cannot be read: permission denied/,
      stderr,
    )
  })

  it('R11: without watches left it says so once and polls', async function () {
    const dir = await tempDir()
    const shell = `echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"`
    if (!canUnshare()) {
      console.log('      (skipped: user namespaces are not allowed here)')
      this.skip()
    }
    const command = ['-Ur', 'sh', '-c', shell, process.execPath, CHILD, dir, 'poll']
    const { status, stdout, stderr } = spawnSync('unshare', command, { timeout: 8000, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const warnings = stdout.split('\n').filter((line) => line.startsWith('warn'))
    assert.equal(warnings.length, 1, stdout)
    assert.match(stdout, /polling every 1000 ms instead: no inotify watches are left/)
    assert.match(stdout, /in force: external\.idm\/eu/)
  })
})

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_watches'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
