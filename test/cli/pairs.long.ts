/**
 * Commands beside every process that holds a project: each works or is refused, and the run of the first ends right. With
 * PAIRS=all all meet, otherwise every second process, each with a fourth of the commands.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeProcess } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { COMMANDS, type Need, type SecondCommand } from './pairs/commands.ts'
import { type Ended, ended, Stage, USERS } from './pairs/stage.ts'

interface Held {
  readonly process: NodeProcess
  /** Lets it go on; resolves when it has ended. */
  release(): Promise<Ended>
}

interface Holder {
  readonly name: string
  /** Whom commands talk to: a gateway, a command with a listener, or nobody. */
  readonly serves: 'gateway' | 'commands' | 'nobody'
  /** Whether it has a run under way, which has to end well. */
  readonly runs: boolean
  hold(stage: Stage): Promise<Held>
}

/** Holds a run at the target: its creations are not answered. */
async function holdRun(stage: Stage, process: NodeProcess, expected?: number): Promise<Held> {
  await stage.requested(expected).catch((error) => assert.fail(`${String(error)}\n${process.output}`))
  return {
    process,
    release: async () => {
      stage.users.open()
      return ended(process)
    },
  }
}

async function holdGateway(stage: Stage, ...more: string[]): Promise<Held> {
  const process = stage.spawn(['start', '--port', '0', ...more, ...stage.own])
  await process.line(/^Listening on/)
  stage.users.close()
  const follower = stage.spawn(['recon', 'm', '--yes', ...stage.own])
  await stage.requested().catch((error) => assert.fail(`${String(error)}\n${follower.output}`))
  return {
    process,
    release: async () => {
      stage.users.open()
      const followed = await ended(follower)
      await process.kill()
      return followed
    },
  }
}

/** Stops a process at the moment when `isThere`; a process that is quicker is started again. */
async function holdStopped(stage: Stage, args: readonly string[], isThere: (pid: number) => boolean): Promise<Held> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const process = stage.spawn([...args, ...stage.own])
    const pid = process.child.pid ?? 0
    let isOver = false
    void process.exited.then(() => {
      isOver = true
    })
    await until(() => isOver || isThere(pid), 'the command is under way')
    process.child.kill('SIGSTOP')
    if (!isOver && isThere(pid))
      return {
        process,
        release: () => {
          process.child.kill('SIGCONT')
          return ended(process)
        },
      }
    process.child.kill('SIGCONT')
    await process.exited
  }
  return assert.fail('the command is too quick')
}

const owns =
  ({ owner }: { readonly owner: () => unknown }) =>
  (pid: number): boolean =>
    owner() === pid

const holdOwner = (stage: Stage, ...args: string[]): Promise<Held> =>
  holdStopped(stage, args, owns({ owner: () => stage.owner?.pid }))

const HOLDERS: readonly Holder[] = [
  { name: 'start', serves: 'gateway', runs: true, hold: (stage) => holdGateway(stage) },
  { name: 'start --workers 2', serves: 'gateway', runs: true, hold: (stage) => holdGateway(stage, '--workers', '2') },
  {
    name: 'recon m --yes',
    serves: 'commands',
    runs: true,
    async hold(stage) {
      stage.users.close()
      return holdRun(stage, stage.spawn(['recon', 'm', '--yes', ...stage.own]))
    },
  },
  {
    name: 'recon execute',
    serves: 'commands',
    runs: true,
    async hold(stage) {
      stage.users.close()
      return holdRun(stage, stage.spawn(['recon', 'execute', stage.files.plan, ...stage.own]))
    },
  },
  {
    name: 'recon resume',
    serves: 'commands',
    runs: true,
    async hold(stage) {
      stage.users.close()
      const first = stage.spawn(['recon', 'execute', stage.files.plan, ...stage.own])
      await stage.requested()
      await first.kill('SIGKILL')
      const requested = stage.users.requested.length
      const [run] = (await stage.runs()).filter(({ resumable }) => resumable === true)
      assert.ok(run)
      const process = stage.spawn(['recon', 'resume', String(run._id), ...stage.own])
      return holdRun(stage, process, requested + 1)
    },
  },
  {
    name: 'project backup',
    serves: 'nobody',
    runs: false,
    hold: (stage) => holdOwner(stage, 'project', 'backup', join(dirname(stage.files.backup), `held-${Math.random()}`)),
  },
  {
    name: 'project restore',
    serves: 'nobody',
    runs: false,
    hold: (stage) =>
      holdStopped(stage, ['project', 'restore', stage.files.backup, '--force'], () =>
        readdirSync(stage.project).some((name) => name.startsWith('.restore-')),
      ),
  },
  { name: 'secret rotate', serves: 'nobody', runs: false, hold: (stage) => holdOwner(stage, 'secret', 'rotate') },
  { name: 'secret rewrap', serves: 'nobody', runs: false, hold: (stage) => holdOwner(stage, 'secret', 'rewrap') },
  {
    name: 'link import',
    serves: 'commands',
    runs: false,
    async hold(stage) {
      const file = join(dirname(stage.files.links), 'held.csv')
      execFileSync('mkfifo', [file])
      const process = stage.spawn(['link', 'import', file, '--mapping', 'm', ...stage.own])
      await until(() => stage.owner?.local, 'the command serves others')
      return {
        process,
        release: async () => {
          await writeFile(file, 'linkType,linkQualifier,firstId,secondId\nm,default,held,held\n')
          return ended(process)
        },
      }
    },
  },
  {
    name: 'an application',
    serves: 'nobody',
    runs: true,
    async hold(stage) {
      stage.users.close()
      return holdRun(stage, stage.spawnHost(true))
    },
  },
]

/** What the second command has to do. @returns undefined when it works */
function refusal({ serves, runs, name }: Holder, need: Need, args: readonly string[]): RegExp | undefined {
  if (need === 'reads') return undefined
  if (need === 'owns') return /owns this project|uses a database in/
  if (serves === 'nobody') return /owns this project/
  if (need === 'changes' && runs && args[0] === 'link') return /is running: wait for its end, or cancel it first/
  // The gateway and `recon m` make a plan of their own.
  if (args[1] === 'approve' && /execute|resume/.test(name)) return /The plan was carried out already/
  if (need !== 'runs') return undefined
  return serves === 'gateway' ? /is running already|cannot be resumed/ : /a command \(process \d+.* owns this project/
}

async function check(
  stage: Stage,
  holder: Holder,
  { args, need, name }: SecondCommand,
  run: string,
): Promise<string[]> {
  const words = args(stage, run)
  const { code, stdout, stderr } = await stage.run([...words, ...stage.own])
  const expected = refusal(holder, need, words)
  const seen = `${name}: ${code} ${stdout}${stderr}`
  // Commands say what is wrong without a stack.
  if (words[0] !== 'host' && /^\s+at /m.test(stderr)) return [seen]
  if (name === 'init') return code === 0 ? [seen] : []
  if (expected) return code !== 0 && expected.test(stderr) ? [] : [seen]
  return code === 0 ? [] : [seen]
}

const IS_ALL = process.env.PAIRS === 'all'
const isMet = (command: number, holder: number): boolean => IS_ALL || command % 4 === (holder / 2) % 4

describe('commands beside every process that holds the project', () => {
  for (const [index, holder] of HOLDERS.entries()) {
    if (!IS_ALL && index % 2 === 1) continue
    it(`${holder.name} is not disturbed`, async function () {
      this.timeout(600_000)
      const stage = await Stage.create()
      const held = await holder.hold(stage)
      const active = holder.serves !== 'nobody' && holder.runs ? await stage.runs() : []
      const run = String(active.find(({ state }) => state === 'ACTIVE')?._id ?? stage.files.plan)
      const requested = stage.users.requested.length
      const wrong: string[] = []
      // At once: those that wait for the owner do so for ten seconds.
      const commands = COMMANDS.filter((_, command) => isMet(command, index))
      for (let next = 0; next < commands.length; next += 8) {
        const some = commands.slice(next, next + 8)
        wrong.push(...(await Promise.all(some.map((command) => check(stage, holder, command, run)))).flat())
        assert.equal(held.process.child.exitCode, null)
        assert.equal(stage.users.requested.length, requested)
      }
      const { code, stderr } = await held.release()
      assert.deepEqual(wrong, [])
      assert.equal(code, 0, stderr)
      if (holder.runs) {
        assert.deepEqual(await stage.created(), USERS)
        const runs = await stage.runs()
        assert.deepEqual(
          runs
            .filter(({ state }) => state !== 'SUCCESS')
            .map(({ _id, state, stageDescription }) => [_id, state, stageDescription]),
          [],
        )
      }
      // Whatever was held: the mapping now finds both sides as they should be.
      const after = await stage.run(['recon', 'm', '--yes', ...stage.own])
      assert.equal(after.code, 0, after.stderr)
      assert.deepEqual(await stage.created(), USERS)
      await stage.assertSound()
    })
  }
})
