import assert from 'node:assert/strict'
import { ConfigDirectory } from '../../lib/config/files/directory.ts'
import { Setting } from '../../lib/config/files/setting.ts'
import { z } from '../../lib/core/schema.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'

async function follow(files: Readonly<Record<string, unknown>>) {
  const dir = await tempDirWith(files)
  const log = memoryLog()
  const directory = new ConfigDirectory({ dir, log: memoryLog() })
  onCleanUp(() => directory.close())
  await directory.start()
  const schema = z.object({ size: z.number('must be a number') })
  const setting = new Setting({ name: 'sample', schema, absent: { size: 0 }, log })
  const write = async (content: unknown) => {
    await writeAtomically(`${dir}/sample.json`, content)
    await directory.rescan()
  }
  return { setting, directory, log, write, following: directory.subscribe(setting) }
}

describe('setting', () => {
  it('follows its file and keeps the last good value', async () => {
    const { setting, directory, log, write, following } = await follow({})
    await following
    assert.deepEqual(setting.value, { size: 0 })
    await write({ size: 2 })
    assert.deepEqual(setting.value, { size: 2 })
    await write({ size: 'x' })
    assert.deepEqual(setting.value, { size: 2 })
    assert.match(
      log.messages('error').join(),
      /sample\.json: size: must be a number; the last valid version stays in force/,
    )
    await write('{"size":')
    await until(() => !directory.faults().get('sample.json')?.[0]?.pointer.length, 'the fault is kept')
    assert.deepEqual([setting.value, log.messages('error').length], [{ size: 2 }, 1])
    await write({ size: 3 })
    assert.deepEqual(setting.value, { size: 3 })
  })

  it('begins with a broken one as if it were absent, and says so', async () => {
    for (const content of [{ size: 'x' }, '{"size":']) {
      const { setting, directory, log, write, following } = await follow({ 'sample.json': content })
      await following
      assert.deepEqual(setting.value, { size: 0 })
      const [fault] = directory.faults().get('sample.json') ?? []
      const told = log.messages(typeof content === 'object' ? 'error' : 'warn')
      assert.equal(told.length, 1)
      assert.ok(told[0]?.startsWith('sample.json: ') && told[0].includes(`${fault?.reason}; the defaults are in force`))
      await write({ size: 1 })
      assert.deepEqual(setting.value, { size: 1 })
      assert.equal(directory.faults().size, 0)
    }
  })
})
