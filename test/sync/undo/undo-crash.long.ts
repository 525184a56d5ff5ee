import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { type FakeIdm, type FakeIdmOptions, fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type NodeProcess, spawnNode } from '../../helpers/process.ts'
import { until } from '../../helpers/until.ts'
import { keysOf, silent } from '../../repo/repositories.ts'
import { instanceOf } from '../gateways.ts'

const PROCESS = fileURLToPath(new URL('../crash/crash-process.ts', import.meta.url))
const USERS = 'managed/user'
const KEY = generateKey('test')
/** Of each kind: created, updated, deleted. */
const COUNT = 9

describe('an undo that is killed', function () {
  this.timeout(300_000)

  for (const [what, options] of [
    ['with revisions', {}],
    ['without revisions', { revisions: 'none' }],
  ] as const satisfies [string, FakeIdmOptions][])
    it(`goes on where it stopped, at a target ${what}, and can be undone`, async () => {
      const [one, two] = [await fakeIdm(), await fakeIdm(options)]
      const dir = await projectOf(one, two)
      const user = (id: string, sn: string) => ({ _id: id, userName: id, sn })
      const ids = (prefix: string) => Array.from({ length: COUNT }, (_, index) => `${prefix}${index}`)
      one.seed(USERS, [...ids('new').map((id) => user(id, 'new')), ...ids('both').map((id) => user(id, 'new'))])
      two.seed(USERS, [...ids('both').map((id) => user(id, 'old')), ...ids('gone').map((id) => user(id, 'old'))])
      const before = await stateOf(two, dir)
      await ended(start(dir, 'recon'))
      const after = await stateOf(two, dir)

      await interrupted(two, dir, 'undo')
      assert.deepEqual(await stateOf(two, dir), before)
      // What the undo created again is what its own undo deletes.
      await interrupted(two, dir, 'undo')
      assert.deepEqual(await stateOf(two, dir), after)
    })
})

/** Runs to the end, killed now and then. */
async function interrupted(two: FakeIdm, dir: string, how: 'undo'): Promise<void> {
  for (let what: 'undo' | 'resume' = how, writes = 6; ; what = 'resume', writes = 14) {
    const reached = two.writes.length + writes
    const child = start(dir, what)
    const isOver = () => child.child.exitCode !== null || child.child.signalCode !== null
    await until(() => two.writes.length >= reached || isOver(), `${writes} writes: ${child.output}`)
    if (isOver()) {
      const run = await ended(child)
      assert.deepEqual(run.statusSummary, { SUCCESS: 3 * COUNT, FAILURE: 0 }, JSON.stringify(run))
      return
    }
    await child.kill('SIGKILL')
  }
}

const start = (dir: string, what: string): NodeProcess =>
  spawnNode([PROCESS, dir, what, String(COUNT)], { env: { CRASH_KEY: KEY } })

async function ended(started: NodeProcess): Promise<JsonObject> {
  const { code } = await started.exited
  assert.equal(code, 0, started.output)
  const line = started.stdout.split('\n').find((text) => text.startsWith('RUN ')) ?? ''
  return JSON.parse(line.slice('RUN '.length)) as JsonObject
}

const projectOf = (one: FakeIdm, two: FakeIdm): Promise<string> =>
  tempDirWith({
    'conf/external.idm-one.json': instanceOf(one),
    'conf/external.idm-two.json': instanceOf(two),
    'conf/sync.json': {
      mappings: [
        {
          ...{
            name: 'm',
            source: `external/idm/one/${USERS}`,
            target: `external/idm/two/${USERS}`,
            maxDeletes: '100%',
          },
          properties: ['userName', 'sn'].map((name) => ({ source: name, target: name })),
          correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
          policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }],
          taskThreads: 3,
        },
      ],
    },
  })

/** The objects and links as they are now. */
async function stateOf(two: FakeIdm, dir: string) {
  const repository = await openRepository({ file: `${dir}/db/repo.db`, log: silent, keys: keysOf(KEY) })
  const keys = two.ids(USERS)
  const links = await repository.links().bySecond('m', keys)
  const count = await repository.links().count('m')
  await repository.close()
  return {
    count,
    links: links.map(({ first, second }) => `${first} → ${second}`).sort(),
    objects: two
      .objects(USERS)
      .map(({ _rev, ...object }) => JSON.stringify(object))
      .sort(),
  }
}
