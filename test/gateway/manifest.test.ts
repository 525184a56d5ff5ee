import assert from 'node:assert/strict'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifestJsonSchema, readPluginFolder } from '../../lib/gateway/plugins/manifest.ts'
import { tempDirWith } from '../helpers/files.ts'
import { pluginFolder } from './parts.ts'

const NOTHING = 'export const activate = () => undefined'
const SCHEMA_FILE = new URL('../../lib/gateway/plugins/plugin.schema.json', import.meta.url)

describe('plugin.json', () => {
  it('is read with everything absent filled in', async () => {
    const dir = await pluginFolder(NOTHING)
    const { manifest, entry } = readPluginFolder(dir)
    assert.equal(entry, join(dir, 'main.mjs'))
    assert.deepEqual(manifest.requires, [])
    assert.deepEqual(manifest.contributes, { routers: [], configuration: [] })
  })

  it('names every fault at once, and the file', async () => {
    const dir = await pluginFolder(NOTHING, { id: '../x', contractVersion: 1, mount: '/x', requires: 'all' })
    assert.throws(
      () => readPluginFolder(dir),
      ({ message }: Error) => {
        assert.ok(message.startsWith(join(dir, 'plugin.json')))
        for (const key of ['id:', 'contractVersion:', '"mount"', 'requires:']) assert.ok(message.includes(key), message)
        return true
      },
    )
  })

  it('says what is wrong with a file that is absent or no JSON', async () => {
    const dir = await tempDirWith({ 'plugin.json': '{"id":' })
    assert.throws(() => readPluginFolder(dir), /plugin\.json: .*JSON/)
    assert.throws(() => readPluginFolder(join(dir, 'none')), /plugin\.json: does not exist/)
  })

  it('S3: main stays inside the folder, whatever it is written as', async () => {
    const outside = join(await tempDirWith({ 'out.mjs': NOTHING }), 'out.mjs')
    const linked = await pluginFolder(NOTHING, { main: 'link.mjs' })
    await symlink(outside, join(linked, 'link.mjs'))
    for (const dir of [
      linked,
      await pluginFolder(NOTHING, { main: outside }),
      await pluginFolder(NOTHING, { main: '../../outside.mjs' }),
      await pluginFolder(NOTHING, { main: '.' }),
    ]) {
      assert.throws(() => readPluginFolder(dir), /main: .*(is outside|does not exist)/)
    }
  })

  it('S3: a JSON Schema stays inside the folder', async () => {
    const configuration = [{ factoryPid: 'x', files: 'x-*.json', schema: '../x.json' }]
    const dir = await pluginFolder(NOTHING, { contributes: { configuration } })
    await writeFile(join(dir, '../x.json'), '{}')
    assert.throws(() => readPluginFolder(dir), /schema of x: \.\.\/x\.json is outside/)
  })

  it('runs the TypeScript source of a checkout, and what was built once it is installed', async () => {
    const files = {
      'plugin.json': { id: 'p', version: '1', contractVersion: '1.0', main: 'dist/main.js', source: 'lib/main.ts' },
      'dist/main.js': NOTHING,
      'lib/main.ts': NOTHING,
    }
    const checkout = await tempDirWith(files)
    assert.equal(readPluginFolder(checkout).entry, join(checkout, 'lib/main.ts'))
    const inPackages = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [`node_modules/p/${name}`, text] as const),
    )
    const installed = join(await tempDirWith(inPackages), 'node_modules/p')
    assert.equal(readPluginFolder(installed).entry, join(installed, 'dist/main.js'))
  })

  it('has a JSON Schema that is up to date (UPDATE_SCHEMA=1 writes it)', async () => {
    const text = `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`
    if (process.env.UPDATE_SCHEMA) await writeFile(SCHEMA_FILE, text)
    assert.deepEqual(JSON.parse(await readFile(SCHEMA_FILE, 'utf8')), JSON.parse(text))
  })
})
