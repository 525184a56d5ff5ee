import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigDirectory } from '../../lib/config/files/directory.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { tempDir, tempDirWith, writeAtomically, writeFiles } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { cpuClock } from '../helpers/patience.ts'
import { until } from '../helpers/until.ts'
import { Recorder, startDirectory } from './parts.ts'

describe('config: ConfigDirectory', () => {
  it('gives each consumer the complete set of its own objects', async () => {
    const dir = await tempDirWith({
      'external.idm-eu.json': { a: 1 },
      'external.idm-us.json': { a: 2 },
      'sync.json': { mappings: [] },
      'external.idm-eu.json~': { a: 0 },
      'readme.txt': 'no configuration',
    })
    const { directory, consumer } = await startDirectory(dir)
    const sync = new Recorder('sync')
    await directory.subscribe(sync)
    assert.deepEqual(consumer.latest, [
      { id: 'external.idm/eu', alias: 'eu', file: join(dir, 'external.idm-eu.json'), content: { a: 1 } },
      { id: 'external.idm/us', alias: 'us', file: join(dir, 'external.idm-us.json'), content: { a: 2 } },
    ])
    assert.deepEqual(sync.latest, [
      { id: 'sync', alias: null, file: join(dir, 'sync.json'), content: { mappings: [] } },
    ])
  })

  it('warns once of duplicate members, and of an extension in capitals', async () => {
    const dir = await tempDirWith({ 'sync.json': '{"a":1,"a":2}', 'managed.JSON': {}, '.x.JSON': {} })
    const { directory, log } = await startDirectory(dir)
    await directory.subscribe(new Recorder('sync'))
    await directory.rescan()
    const warnings = [
      'managed.JSON is ignored: the extension must be .json in lower case',
      'sync.json: line 1, column 8: a is a duplicate; the last one counts',
    ]
    assert.deepEqual(directory.warnings(), warnings)
    assert.deepEqual(log.messages('warn'), warnings)
  })

  it('gives an empty set when there is nothing', async () => {
    const { consumer } = await startDirectory(await tempDir())
    assert.deepEqual(consumer.sets, [[]])
  })

  it('calls only the consumers whose objects changed, and not for a change of white space', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 } })
    const { directory, consumer } = await startDirectory(dir)
    await writeFiles(dir, { 'external.idm-eu.json': '{  "a" :1 }', 'sync.json': {} })
    await directory.rescan()
    assert.equal(consumer.sets.length, 1)
    await writeFiles(dir, { 'external.idm-eu.json': { a: 2 } })
    await directory.rescan()
    assert.deepEqual(consumer.object('external.idm/eu')?.content, { a: 2 })
  })

  it('keeps an object that did not change the same object', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': {}, 'external.idm-us.json': {} })
    const { directory, consumer } = await startDirectory(dir)
    const before = consumer.object('external.idm/us')
    await writeFiles(dir, { 'external.idm-eu.json': { a: 1 } })
    await directory.rescan()
    assert.equal(consumer.sets.length, 2)
    assert.equal(consumer.object('external.idm/us'), before)
  })

  it('sees a change of equal length within one tick of the clock', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': '{"a":0}' })
    const { directory, consumer } = await startDirectory(dir)
    for (let a = 1; a < 10; a++) {
      await writeFile(join(dir, 'external.idm-eu.json'), JSON.stringify({ a }))
      await directory.rescan()
      assert.deepEqual(consumer.object('external.idm/eu')?.content, { a })
    }
  })

  it('takes a deletion into force at once on rescan', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': {} })
    const { directory, consumer } = await startDirectory(dir)
    await unlink(join(dir, 'external.idm-eu.json'))
    await directory.rescan()
    assert.deepEqual(consumer.latest, [])
  })

  it('R7: one bad file is reported once, with place and without content, and the others are in force', async () => {
    const dir = await tempDirWith({
      'external.idm-bad.json': '{\n "password": "s3cret',
      'external.idm-eu.json': { a: 1 },
    })
    const { directory, consumer, log } = await startDirectory(dir)
    const message = 'external.idm-bad.json: line 2, column 14: the string that starts here is not closed'
    assert.equal(consumer.object('external.idm/bad')?.error, message)
    assert.equal(consumer.object('external.idm/bad')?.content, undefined)
    assert.deepEqual(consumer.object('external.idm/eu')?.content, { a: 1 })
    await directory.rescan()
    assert.deepEqual(log.messages('error'), [`the configuration of external.idm/bad cannot be used: ${message}`])
    assert.ok(!log.text.includes('s3cret'))
  })

  it('R7: a broken edit becomes an error of that object alone, and a good one ends it', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 }, 'external.idm-us.json': {} })
    const { consumer } = await startDirectory(dir)
    await writeFile(join(dir, 'external.idm-eu.json'), '{"a":2,}')
    await until(() => consumer.object('external.idm/eu')?.error)
    assert.deepEqual(consumer.object('external.idm/us')?.content, {})
    await writeFile(join(dir, 'external.idm-eu.json'), '{"a":2}')
    await until(() => consumer.object('external.idm/eu')?.content?.a === 2)
    assert.equal(consumer.object('external.idm/eu')?.error, undefined)
  })

  it('R7: a consumer that fails is logged, keeps nobody else waiting and is tried again', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 } })
    const { directory, consumer, log } = await startDirectory(dir)
    const other = new Recorder()
    await directory.subscribe(other)
    consumer.onApply = () => {
      throw new Error('no room')
    }
    await writeFiles(dir, { 'external.idm-eu.json': { a: 2 } })
    await directory.rescan()
    assert.deepEqual(other.object('external.idm/eu')?.content, { a: 2 })
    assert.deepEqual(log.messages('error'), ['the configuration of external.idm could not be applied'])
    assert.equal(directory.failureOf('external.idm/eu')?.message, 'no room')
    consumer.onApply = () => undefined
    await directory.rescan()
    assert.deepEqual(consumer.object('external.idm/eu')?.content, { a: 2 })
    assert.equal(directory.failureOf('external.idm/eu'), undefined)
  })

  it('a slow consumer gets the newest set next, and holds up no other', async () => {
    const dir = await tempDirWith({ 'external.idm-eu.json': { a: 1 } })
    const { directory, consumer } = await startDirectory(dir)
    const other = new Recorder()
    await directory.subscribe(other)
    const gate = Promise.withResolvers<void>()
    consumer.onApply = () => gate.promise
    for (const a of [2, 3, 4]) {
      await writeAtomically(join(dir, 'external.idm-eu.json'), { a })
      await until(() => other.object('external.idm/eu')?.content?.a === a)
    }
    gate.resolve()
    await directory.rescan()
    assert.deepEqual(
      consumer.sets.map(([object]) => object?.content?.a),
      [1, 2, 4],
    )
  })

  it('refuses a consumer whose first apply fails', async () => {
    const { directory } = await startDirectory(await tempDirWith({ 'sync.json': {} }))
    const sync = new Recorder('sync')
    sync.onApply = () => {
      throw new Error('no room')
    }
    await assert.rejects(directory.subscribe(sync), /no room/)
    assert.equal(directory.failureOf('sync'), undefined)
  })

  it('a consumer that was disposed of hears nothing more', async () => {
    const dir = await tempDirWith({})
    const { directory } = await startDirectory(dir)
    const sync = new Recorder('sync')
    const subscription = await directory.subscribe(sync)
    await subscription.dispose()
    await subscription.dispose()
    await writeFiles(dir, { 'sync.json': {} })
    await directory.rescan()
    assert.equal(sync.sets.length, 1)
  })

  it('a consumer may come before the start', async () => {
    const directory = new ConfigDirectory({
      dir: await tempDirWith({ 'external.idm-eu.json': {} }),
      log: memoryLog(),
    })
    const consumer = new Recorder()
    const subscribed = directory.subscribe(consumer)
    await directory.start()
    await subscribed
    assert.equal(consumer.sets.length, 1)
    assert.deepEqual(consumer.ids, ['external.idm/eu'])
    await directory.close()
  })

  it('start fails with one sentence when the directory does not exist or is none', async () => {
    const dir = await tempDirWith({ 'file.json': {} })
    for (const [name, message] of [
      ['none', 'does not exist'],
      ['file.json', 'is not a directory'],
    ] as const) {
      const directory = new ConfigDirectory({ dir: join(dir, name), log: memoryLog() })
      const expected = { message: `the configuration directory ${join(dir, name)} ${message}` }
      const subscribed = assert.rejects(directory.subscribe(new Recorder()), expected)
      await assert.rejects(directory.start(), expected)
      await subscribed
    }
  })

  it('resolves expressions for consumers, looks again on invalidate, and shows what the file says', async () => {
    let value = 'one'
    const resolve = (content: JsonObject): JsonObject => {
      if (value === '') throw new Error('host: nothing defines &{remote.host}')
      return { ...content, host: value }
    }
    const dir = await tempDirWith({ 'external.idm-eu.json': { host: '&{remote.host}' } })
    const { directory, consumer } = await startDirectory(dir, { resolve })
    assert.deepEqual(consumer.object('external.idm/eu')?.content, { host: 'one' })
    value = 'two'
    directory.invalidate()
    await until(() => consumer.object('external.idm/eu')?.content?.host === 'two')
    value = ''
    directory.invalidate()
    const error = await until(() => consumer.object('external.idm/eu')?.error)
    assert.equal(error, 'external.idm-eu.json: host: nothing defines &{remote.host}')
    assert.deepEqual(directory.find('external.idm/eu')?.raw, { host: '&{remote.host}' })
  })

  it('leaves expressions alone in objects that nobody processes', async () => {
    const resolve = (): never => {
      throw new Error('nothing defines it')
    }
    const dir = await tempDirWith({ 'ui-theme.json': { color: '&{color}' } })
    const { directory, log } = await startDirectory(dir, { resolve })
    assert.equal(directory.find('ui/theme')?.error, undefined)
    assert.deepEqual(directory.judge('ui/theme', { color: '&{colour}' }), [])
    assert.deepEqual(log.messages('error'), [])
    await directory.subscribe(new Recorder('ui'))
    assert.equal(directory.find('ui/theme')?.error, 'ui-theme.json: nothing defines it')
    assert.deepEqual(directory.judge('ui/theme', { color: '&{colour}' }), [
      { file: 'ui-theme.json', pointer: [], reason: 'nothing defines it' },
    ])
    assert.deepEqual(log.messages('error'), [
      'the configuration of ui/theme cannot be used: ui-theme.json: nothing defines it',
    ])
  })

  it('what a consumer does to its copy does not reach the stored object', async () => {
    const { directory, consumer } = await startDirectory(await tempDirWith({ 'external.idm-eu.json': { a: { b: 1 } } }))
    Object.assign(consumer.object('external.idm/eu')?.content ?? {}, { a: 'changed' })
    assert.deepEqual(directory.find('external.idm/eu')?.raw, { a: { b: 1 } })
  })

  it('S3: an object whose name breaks the rule carries an error that names the rule', async () => {
    const { consumer } = await startDirectory(await tempDirWith({ 'external.idm-a b.json': {} }))
    const [object] = consumer.latest
    assert.match(object?.error ?? '', /^external\.idm-a b\.json: the instance name "a b" .* must match \^\[A-Za-z0-9\]/)
  })

  it('keeps __proto__ as a member', async () => {
    const { consumer } = await startDirectory(await tempDirWith({ 'external.idm-eu.json': '{"__proto__":{"a":1}}' }))
    const { content, error } = consumer.latest[0] ?? {}
    assert.deepEqual([JSON.stringify(content), error], ['{"__proto__":{"a":1}}', undefined])
  })

  it('names a file that is not UTF-8', async () => {
    const text = Buffer.from('{"sn":"Ren\xe9"}', 'latin1')
    const { consumer } = await startDirectory(await tempDirWith({ 'external.idm-eu.json': text }))
    assert.equal(consumer.latest[0]?.error, 'external.idm-eu.json: the file is not UTF-8 text')
  })

  it('reads through links and names what is no readable file', async () => {
    const elsewhere = await tempDirWith({ 'target.json': { a: 1 } })
    const dir = await tempDirWith({ 'external.idm-big.json': `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}` })
    await symlink(join(elsewhere, 'target.json'), join(dir, 'external.idm-link.json'))
    await symlink(join(elsewhere, 'none.json'), join(dir, 'external.idm-dangling.json'))
    await symlink('external.idm-loop.json', join(dir, 'external.idm-loop.json'))
    await writeFiles(join(dir, 'external.idm-dir.json'), { 'x.txt': '' })
    const { consumer } = await startDirectory(dir)
    assert.deepEqual(consumer.object('external.idm/link')?.content, { a: 1 })
    const errors = Object.fromEntries(
      consumer.latest.map(({ alias, error }) => [alias, error?.replace(/^.*json: /, '')]),
    )
    assert.deepEqual(errors, {
      big: 'the file is larger than 4194304 bytes',
      dangling: 'it is a link to a file that does not exist',
      dir: 'it is not a regular file',
      link: undefined,
      loop: 'it cannot be read: ELOOP',
    })
  })

  it('1,000 files: a fast first scan', async () => {
    const dir = await tempDir()
    for (let n = 0; n < 1000; n++) writeFileSync(join(dir, `external.idm-n${n}.json`), JSON.stringify({ n }))
    const spent = cpuClock()
    const { consumer } = await startDirectory(dir)
    const took = spent()
    assert.equal(consumer.latest.length, 1000)
    assert.ok(took < 1000, `${took} ms`)
  })

  it('keeps what is in force and says so once when the directory is gone, and works when it is made again', async () => {
    const dir = join(await tempDirWith({ 'conf/external.idm-eu.json': { a: 1 } }), 'conf')
    const { directory, consumer, log } = await startDirectory(dir)
    await rm(dir, { recursive: true })
    await directory.rescan()
    await directory.rescan()
    assert.deepEqual(consumer.ids, ['external.idm/eu'])
    const gone = `the configuration directory ${dir} does not exist; the last valid version stays in force`
    assert.deepEqual(log.messages('error'), [gone])
    await writeFiles(dir, { 'external.idm-us.json': {} })
    await until(() => consumer.ids.join() === 'external.idm/us')
    await writeFiles(dir, { 'external.idm-ap.json': {} })
    await until(() => consumer.ids.length === 2)
    assert.deepEqual(log.messages('error'), [gone])
  })
})
