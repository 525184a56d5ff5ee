import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../../../lib/config/values/crypto/crypto.ts'
import { openRepository } from '../../../../lib/repo/open.ts'
import { type FakeIdm, fakeIdm } from '../../../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../../../helpers/files.ts'
import { type NodeProcess, spawnNode } from '../../../helpers/process.ts'
import { until } from '../../../helpers/until.ts'
import { keysOf, silent } from '../../../repo/repositories.ts'
import { instanceOf } from '../../gateways.ts'

const PROCESS = fileURLToPath(new URL('queue-process.ts', import.meta.url))
const KEY = generateKey('test')
const USERS = 'managed/user'
/** Crashes; CRASH_POINTS=100 by hand. */
const POINTS = Number(process.env.CRASH_POINTS ?? 3)
const CHANGES = 40 * POINTS
const OBJECTS = 20
const SEED = 'seed'

const start = (dir: string): NodeProcess => spawnNode([PROCESS, dir], { env: { CRASH_KEY: KEY } })

const acknowledged = ({ stdout }: NodeProcess): number => Number(/ACK (\d+)\n(?!.*ACK)/s.exec(stdout)?.[1] ?? -1)

/** What each object is after the first `count` changes; null = deleted. */
function statesAfter(changes: readonly string[], count: number): Map<string, number | null> {
  const states = new Map<string, number | null>()
  for (const line of changes.slice(0, count)) {
    const [, what, id = '', value] = line.split(' ')
    states.set(id, what === 'delete' ? null : Number(value))
  }
  return states
}

describe('SIGKILL under a stream of queued changes', function () {
  this.timeout(180_000 + POINTS * 60_000)

  it(`loses no acknowledged change and carries none over out of order, after ${POINTS} crashes`, async () => {
    const target = await fakeIdm()
    const dir = await tempDirWith({
      'conf/external.idm-two.json': instanceOf(target),
      'conf/sync.json': { mappings: [MAPPING] },
    })
    const changes = Array.from({ length: CHANGES }, (_, index) => {
      const id = `u${Math.floor(Math.random() * OBJECTS)}`
      return Math.random() < 0.15 ? `${index} delete ${id}` : `${index} put ${id} ${index}`
    })
    await seeded(dir, target)
    let next = 0
    for (let point = 1; point <= POINTS; point++) {
      const running = start(dir)
      const end = Math.min(CHANGES, next + 40)
      const last = point === POINTS ? end - 1 : next + Math.floor(Math.random() * (end - next))
      running.child.stdin.write(`${changes.slice(next, end).join('\n')}\n`)
      await until(() => acknowledged(running) >= last || running.child.exitCode !== null, `change ${last} is stored`)
      await new Promise((done) => setTimeout(done, Math.random() * 30))
      await running.kill('SIGKILL')
      assert.equal(running.stderr, '')
      // What was stored without an acknowledgement is sent again.
      next = acknowledged(running) + 1
    }
    const running = start(dir)
    running.child.stdin.write(`${changes.slice(next).join('\n')}\n`)
    await until(() => next >= CHANGES || acknowledged(running) === CHANGES - 1)
    const expected = statesAfter(changes, CHANGES)
    const present = [...expected].filter(([, value]) => value !== null).sort()
    await until(() => assert.deepEqual(shown(target), present) ?? true, 'all changes have arrived', {
      timeoutMs: 60_000,
    })
    await running.kill('SIGTERM')
    assertInOrder(target)
    const repository = await openRepository({ file: `${dir}/db/repo.db`, log: silent, keys: keysOf(KEY) })
    const queues = await repository.events().queues()
    await repository.close()
    assert.deepEqual(
      queues.map(({ waiting, dead }) => [waiting, dead]).filter(([, dead]) => dead !== 0),
      [],
    )
  })
})

/** Carries one object over: of the first one of all, nothing tells after a crash whether the target keeps its id. */
async function seeded(dir: string, target: FakeIdm): Promise<void> {
  const running = start(dir)
  running.child.stdin.write(`0 put ${SEED} 0\n`)
  await until(() => target.objects(USERS).length === 1, 'the first object is there')
  await running.kill('SIGTERM')
}

const MAPPING = {
  name: 'm',
  source: 'stored/user',
  target: `external/idm/two/${USERS}`,
  properties: [
    { source: '_id', target: '_id' },
    { source: 'v', target: 'v' },
  ],
  policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
  allowEmptySourceSet: true,
  maxDeletesPerHour: 1_000_000,
  queuedSync: { enabled: true, retryDelay: 20, maxRetries: -1 },
}

const shown = (target: FakeIdm) =>
  target
    .objects(USERS)
    .filter(({ _id }) => _id !== SEED)
    .map(({ _id, v }) => [_id, v])
    .sort()

/** The values of each object that the target was sent never go back. */
function assertInOrder(target: FakeIdm): void {
  const last = new Map<string, number>()
  for (const { line, body } of target.writes) {
    const id = line.split('/').at(-1) ?? ''
    const [operation] = Array.isArray(body) ? body : [body]
    const value =
      (operation as { v?: number; value?: number } | undefined)?.v ?? (operation as { value?: number })?.value
    if (typeof value !== 'number') continue
    assert.ok(value >= (last.get(id) ?? -1), `${id}: ${value} after ${last.get(id)}`)
    last.set(id, value)
  }
}
