import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { access, chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileSink, type FileSinkOptions } from '../../../lib/gateway/audit/file-sink.ts'
import { handlerConfig } from '../../../lib/gateway/audit/settings.ts'
import { tempDir } from '../../helpers/files.ts'

const line = (text: string) => ({ topic: 'access', text }) as const

async function sinkIn(config: object = {}, more: Partial<FileSinkOptions> = {}) {
  const directory = join(await tempDir(), 'deep', 'audit')
  const { fileRotation, fileRetention } = handlerConfig.parse(config)
  const sink = new FileSink({ directory, fileRotation, fileRetention, ...more })
  const file = join(directory, 'access.audit.json')
  const write = async (...texts: string[]) => assert.deepEqual(await sink.write(texts.map(line)), { left: [] })
  const rotated = async () => (await readdir(directory)).filter((name) => name !== 'access.audit.json').sort()
  return { sink, directory, file, write, rotated, read: (path = file) => readFile(path, 'utf8') }
}

describe('FileSink', () => {
  it('appends lines to a file for each topic, in a directory that it makes, for its owner and group', async () => {
    const { sink, directory, file, read } = await sinkIn()
    const mixed = [line('1'), { topic: 'config', text: '2' } as const, line('3')]
    assert.deepEqual(await sink.write(mixed), { left: [] })
    assert.equal(await read(), '1\n3\n')
    assert.equal(await read(join(directory, 'config.audit.json')), '2\n')
    assert.equal((await stat(file)).mode & 0o007, 0)
    assert.equal((await stat(directory)).mode & 0o007, 0)
  })

  it('begins a new file when one is large enough, and keeps so many', async () => {
    const { write, rotated, read } = await sinkIn({
      fileRotation: { maxFileSize: 4 },
      fileRetention: { maxNumberOfHistoryFiles: 2 },
    })
    await write('1')
    await write('2')
    assert.deepEqual(await rotated(), [])
    for (const text of ['3', '4', '5', '6', '7', '8', '9']) await write(text)
    assert.equal(await read(), '9\n')
    const names = await rotated()
    assert.equal(names.length, 2)
    for (const name of names) assert.match(name, /^access\.audit\.json-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d(?:\.\d+)?$/)
  })

  it('keeps as many bytes as it may', async () => {
    const { write, rotated } = await sinkIn({
      fileRotation: { maxFileSize: 1 },
      fileRetention: { maxDiskSpaceToUse: 5 },
    })
    for (const text of ['1', '2', '3', '4', '5', '6']) await write(text)
    assert.equal((await rotated()).length, 2)
  })

  it('begins a new file when the first event of one is old enough', async () => {
    const { directory, file, write, rotated, read } = await sinkIn({ fileRotation: { rotationInterval: '1 hour' } })
    await mkdir(directory, { recursive: true })
    const stamped = (ms: number) => `{"_id":"1","timestamp":"${new Date(Date.now() - ms).toISOString()}"}\n`
    const young = stamped(3_000_000)
    await writeFile(file, young)
    await write('2')
    assert.equal(await read(), `${young}2\n`)
    const old = stamped(3_700_000)
    await writeFile(join(directory, 'other'), old)
    await rename(join(directory, 'other'), file)
    await write('3')
    assert.equal(await read(), '3\n')
    const [name = ''] = await rotated()
    assert.equal(await read(join(directory, name)), old)
  })

  it('does not rotate where it is told so', async () => {
    const { write, rotated } = await sinkIn({ fileRotation: { rotationEnabled: false, maxFileSize: 1 } })
    for (const text of ['1', '2', '3']) await write(text)
    assert.deepEqual(await rotated(), [])
  })

  it('writes to a new file when another program has renamed the old one', async () => {
    const { directory, file, write, read } = await sinkIn()
    await write('1')
    await rename(file, join(directory, 'moved'))
    await write('2')
    assert.deepEqual([await read(join(directory, 'moved')), await read()], ['1\n', '2\n'])
  })

  it('loses no line and writes none twice where several processes write and rotate', async () => {
    const options = { fileRotation: { maxFileSize: 300 }, fileRetention: { maxNumberOfHistoryFiles: -1 } }
    let last: Promise<void> = Promise.resolve()
    const others = {
      alone: (_key: string, work: () => Promise<void>) => {
        last = last.then(work)
        return last
      },
    }
    const { directory, rotated, read } = await sinkIn()
    const { fileRotation, fileRetention } = handlerConfig.parse(options)
    const sinks = [1, 2, 3].map(() => new FileSink({ directory, fileRotation, fileRetention, others }))
    const texts = Array.from({ length: 60 }, (_, index) => `line ${index} ${'x'.repeat(20)}`)
    await Promise.all(
      sinks.map(async (sink, index) => {
        for (const text of texts) assert.deepEqual(await sink.write([line(`${index} ${text}`)]), { left: [] })
      }),
    )
    const names = await rotated()
    assert.ok(names.length > 5)
    const files = await Promise.all(
      [...names.map((name) => join(directory, name)), join(directory, 'access.audit.json')].map((path) => read(path)),
    )
    const lines = files.join('').split('\n').filter(Boolean)
    assert.deepEqual(lines.sort(), [0, 1, 2].flatMap((index) => texts.map((text) => `${index} ${text}`)).sort())
  })

  it('ends half a line that a killed process has left', async () => {
    const { directory, file, write, read } = await sinkIn()
    await mkdir(directory, { recursive: true })
    await writeFile(file, '{"half":')
    await write('1')
    await write('2')
    assert.equal(await read(), '{"half":\n1\n2\n')
  })

  it('keeps the lines of a full disk for later', async function () {
    if (
      !(await access('/dev/full', constants.W_OK).then(
        () => true,
        () => false,
      ))
    )
      this.skip()
    const { directory, file, sink, write, read } = await sinkIn()
    await mkdir(directory, { recursive: true })
    const { symlink, rm } = await import('node:fs/promises')
    await symlink('/dev/full', file)
    const { left, fault } = await sink.write([line('1'), line('2')])
    assert.match(String(fault), /ENOSPC/)
    assert.deepEqual(left, [line('1'), line('2')])
    await rm(file)
    await write('1', '2')
    assert.equal(await read(), '1\n2\n')
  })

  it('says why a folder cannot be written', async function () {
    if (process.getuid?.() === 0) this.skip()
    const { directory, sink } = await sinkIn()
    await mkdir(directory, { recursive: true })
    await chmod(directory, 0o500)
    const { left, fault } = await sink.write([line('1')])
    assert.match(String(fault), /EACCES/)
    assert.equal(left.length, 1)
  })

  it('says so when the folder is a file', async () => {
    const { directory, sink } = await sinkIn()
    await mkdir(join(directory, '..'), { recursive: true })
    await writeFile(directory, '')
    const { fault } = await sink.write([line('1')])
    assert.match(String(fault), /ENOTDIR/)
  })
})
