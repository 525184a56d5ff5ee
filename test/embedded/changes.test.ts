import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Changes, JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from '../gateway/parts.ts'
import { busy } from '../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { MAPPING, people, project, start, USERS } from './stage.ts'

const SOURCE = `external/idm/one/${USERS}`
const change = { action: 'create', collection: SOURCE, resourceId: 'u0' } as const

describe('changes that code reports', () => {
  it('are carried over in an application', async () => {
    const { one, two, idm } = await start(await project())
    one.seed(USERS, people(1))
    const { success, action, syncDetails } = await idm.notify(change)
    assert.deepEqual([success, action], [true, 'notifyCreate'])
    assert.deepEqual(
      (syncDetails as JsonObject[]).map(({ situation, result }) => [situation, result]),
      [['ABSENT', 'SUCCESSFUL']],
    )
    assert.equal(two.ids(USERS).length, 1)
    await assert.rejects(idm.notify({ ...change, action: 'move' as never }), { code: 400, message: /^action: must be/ })
    await assert.rejects(idm.notify({ ...change, resourceId: '' }), { code: 400, message: /^resourceId: must be/ })
  })

  it('are queued in an application, and carried over after a restart', async () => {
    const queuedSync = { enabled: true, retryDelay: 20 }
    const parts = await project({ 'conf/mapping-m.json': { ...MAPPING, queuedSync } })
    parts.one.seed(USERS, people(2))
    const first = await start(parts)
    assert.deepEqual((await first.idm.notify(change)).syncDetails, [])
    await until(() => parts.two.ids(USERS).length === 1, 'it is carried over')
    parts.two.intercept(({ isWrite }) => isWrite, busy(503))
    await first.idm.notify({ ...change, resourceId: 'u1' })
    await until(() => parts.two.writes.length > 1, 'the target was asked')
    await first.idm.close()
    parts.two.reset()
    parts.two.seed(USERS, [])
    await start(parts)
    await until(() => parts.two.ids(USERS).length === 1, 'it is carried over after the restart')
  })

  it('are carried over for a plugin of the reference gateway', async () => {
    const other = await tempDirWith({
      'plugin.json': {
        ...{ id: 'other', version: '1.0.0', contractVersion: '1.0', main: 'main.js' },
        requires: ['changes'],
      },
      'package.json': { type: 'module' },
      'main.js':
        'export const activate = (context) => { globalThis.changesOfOther = context.service({ id: "changes" }) }',
    })
    const { one, two, dir } = await project()
    one.seed(USERS, people(1))
    const names = ['external.idm-one.json', 'external.idm-two.json', 'mapping-m.json']
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(dir, 'conf', name), 'utf8')]))
    await startGateway({ conf: Object.fromEntries(files), plugins: [packageRoot, other] })
    const { changesOfOther } = globalThis as { changesOfOther?: Changes }
    assert.equal((await changesOfOther?.notify(change))?.success, true)
    assert.equal(two.ids(USERS).length, 1)
  })
})
