import assert from 'node:assert/strict'
import { typedCommand } from '../../sync/command-stage.ts'
import { QueueStage } from '../../sync/live/queue/queue-stage.ts'

const type = (stage: QueueStage, ...args: string[]) => typedCommand(stage.gateway.url, ['queue', ...args])

const widthOf = (text: string): number => Math.max(...text.split('\n').map((line) => line.length))

async function stageWithLetter(): Promise<QueueStage> {
  const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 } })
  stage.us.interfere = ({ method, url }) => (method !== 'GET' && url?.includes('bad') ? 400 : undefined)
  await stage.put('bad', 'x')
  await stage.drained()
  return stage
}

describe('the command queue', () => {
  it('shows what waits, pauses and releases', async () => {
    const stage = await QueueStage.start()
    const idle = await type(stage, 'status')
    assert.deepEqual([idle.code, idle.stderr], [0, ''])
    assert.match(idle.stdout, /^MAPPING +STATE +WAITING +DEAD +OLDEST\nm +running +0 +0/)
    assert.deepEqual((await type(stage, 'list')).stdout, 'Nothing waits.\n')
    assert.deepEqual((await type(stage, 'dead')).stdout, 'There are no dead letters.\n')
    assert.match((await type(stage, 'pause', 'm')).stdout, /^m is paused: openidm-admin has paused it/)
    for (const id of ['a', 'b']) await stage.put(id, 'x')
    const paused = await type(stage, 'status')
    assert.equal(paused.code, 1)
    assert.match(paused.stdout, /m +paused +2 +0 +\d+ s\n {2}openidm-admin has paused it\n/)
    const list = await type(stage, 'list', '--mapping', 'm')
    assert.match(list.stdout, /^ID +MAPPING +CHANGE +OBJECT +STATE +RETRIES +SINCE\n1 +m +create +a +PENDING +5 +20/)
    assert.ok(widthOf(list.stdout) <= 80, list.stdout)
    assert.equal(JSON.parse((await type(stage, 'list', '--json')).stdout).length, 2)
    assert.equal((await type(stage, 'drop', '1', '--yes')).stdout, '1 dropped\n')
    assert.match((await type(stage, 'release', 'm')).stdout, /^m goes on/)
    await stage.drained()
    assert.deepEqual(await stage.targets(), { b: 'x' })
  })

  it('lists dead letters, retries and drops them', async () => {
    const stage = await stageWithLetter()
    const dead = await type(stage, 'dead', 'm')
    assert.match(dead.stdout, /^ID +MAPPING +CHANGE +OBJECT +REASON\n1 +m +create +bad +\S/)
    assert.equal((await type(stage, 'status')).code, 1)
    assert.equal((await type(stage, 'retry', '1')).stdout, '1 dead letter waits to be tried again\n')
    await stage.drained()
    assert.equal((await stage.letters()).length, 1)
    assert.deepEqual(await type(stage, 'drop', '--all', '--yes'), { code: 1, stdout: '0 dropped\n', stderr: '' })
    assert.equal((await type(stage, 'drop', '--all', '--dead', '--yes')).stdout, '1 dropped\n')
    assert.equal((await type(stage, 'retry', '--all')).code, 1)
  })

  it('asks before it drops, and for a selection', async () => {
    const stage = await QueueStage.start()
    const answers = [
      await type(stage, 'drop', '--all'),
      await type(stage, 'retry'),
      await type(stage, 'retry', '1', '--all'),
    ]
    assert.deepEqual(
      answers.map(({ code }) => code),
      [2, 2, 2],
    )
    assert.match(answers[0]?.stderr ?? '', /no terminal to ask at: give --yes/)
    assert.match(answers[1]?.stderr ?? '', /give an id, --mapping <name>, or --all/)
    const { code, stderr } = await type(stage, 'release', 'none')
    assert.equal(code, 1)
    assert.match(stderr, /No such mapping: none/)
  })

  it('works without a gateway, which then carries nothing out', async () => {
    const stage = await QueueStage.start()
    await type(stage, 'pause', 'm')
    await stage.put('a', 'x')
    await stage.gateway.gateway.stop()
    const project = ['--project', stage.gateway.project.dir]
    const typed = (...args: string[]) => typedCommand(undefined, ['queue', ...args, ...project])
    assert.match((await typed('status')).stdout, /m +paused +1 +0/)
    await typed('release', 'm')
    const status = await typed('status')
    assert.match(status.stdout, /m +stopped +1 +0/)
    assert.deepEqual([status.code, await stage.targets()], [0, {}])
  })
})
