import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempDir, tempDirWith, writeAtomically, writeConfigMap, writeInHalves } from './files.ts'

describe('files', () => {
  let previous: string

  it('makes an empty directory', async () => {
    previous = await tempDir()
    assert.deepEqual(await readdir(previous), [])
    await writeAtomically(join(previous, 'a'), 'text')
  })

  it('removed the directory of the previous test', () => {
    assert.equal(existsSync(previous), false)
  })

  it('writes text, bytes and JSON, with folders', async () => {
    const directory = await tempDirWith({ 'a.json': { a: 1 }, 'deep/b': 'text', c: Buffer.from([0xff]) })
    assert.equal(await readFile(join(directory, 'a.json'), 'utf8'), '{\n  "a": 1\n}\n')
    assert.equal(await readFile(join(directory, 'deep/b'), 'utf8'), 'text')
    assert.deepEqual(await readFile(join(directory, 'c')), Buffer.from([0xff]))
  })

  it('replaces a file and leaves nothing beside it', async () => {
    const directory = await tempDirWith({ a: 'old' })
    await writeAtomically(join(directory, 'a'), 'new')
    assert.deepEqual(await readdir(directory), ['a'])
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), 'new')
  })

  it('shows half a file to those who look in between', async () => {
    const file = join(await tempDirWith({ a: 'old' }), 'a')
    await writeInHalves(file, '{"v":1}', async () => assert.equal(await readFile(file, 'utf8'), '{"v"'))
    assert.equal(await readFile(file, 'utf8'), '{"v":1}')
  })

  it('mounts and swaps a ConfigMap', async () => {
    const directory = await tempDir()
    await writeConfigMap(directory, { a: '1', gone: '1' })
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), '1')
    await writeConfigMap(directory, { a: '2', b: '2' })
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), '2')
    assert.deepEqual((await readdir(directory)).filter((name) => !name.startsWith('..')).sort(), ['a', 'b'])
    assert.equal((await readdir(directory)).length, 4)
  })
})
