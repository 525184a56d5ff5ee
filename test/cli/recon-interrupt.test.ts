import assert from 'node:assert/strict'
import { generateKey } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import type { CreateRequest, Resource } from '../../lib/crest/protocol/request.ts'
import { tempDirWith } from '../helpers/files.ts'
import { PASSWORD, startGatewayProcess } from '../helpers/gateway-process.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { atTerminal, BIN, CTRL_C, hasTerminal } from '../helpers/terminal.ts'
import { instanceOf, startRemoteIdm } from '../sync/gateways.ts'

const ENV = { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'silent' }

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  taskThreads: 1,
}

/** Holds creates while it is closed. */
class Gate extends MemoryCollection {
  readonly created: string[] = []
  #opening = Promise.withResolvers<void>()
  #reached = Promise.withResolvers<void>()
  readonly reached = this.#reached.promise
  readonly open = () => this.#opening.resolve()

  override async create(request: CreateRequest): Promise<Resource> {
    this.#reached.resolve()
    await this.#opening.promise
    this.created.push(String(request.content.userName))
    return super.create(request)
  }
}

interface Stage {
  readonly project: string
  readonly gate: Gate
}

/** Three users to create, one after the other, at a target that holds them. */
async function stage(): Promise<Stage> {
  const gate = new Gate()
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm({ 'managed/user': gate })]
  for (const id of ['u1', 'u2', 'u3']) await source.connection.create('managed/user', id, { userName: id })
  const project = await tempDirWith({
    'conf/external.idm-a.json': instanceOf(source),
    'conf/external.idm-b.json': instanceOf(target),
    'conf/sync.json': { mappings: [MAPPING] },
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
  return { project, gate }
}

const recon = (project: string, ...args: string[]): NodeProcess =>
  spawnNode([BIN, 'recon', ...args, '--project', project], { env: ENV })

/** The id of the run that executes the plan. */
const idIn = ({ stderr }: { readonly stderr: string }): string =>
  /^Run (\S+): the plan of m is executed$/m.exec(stderr)?.[1] ?? assert.fail(stderr)

describe('Ctrl-C', function () {
  this.timeout(60_000)

  it('leaves the run of a gateway, and says how to follow and cancel it', async () => {
    const { project, gate } = await stage()
    const gateway = await startGatewayProcess({}, { project })
    const command = recon(project, 'm', '--yes')
    await gate.reached
    assert.deepEqual(await command.kill('SIGINT'), { code: 130, signal: null })
    const id = idIn(command)
    assert.ok(command.stderr.includes('The run goes on at the gateway. Follow it, or stop it:\n'), command.stderr)
    for (const word of ['follow', 'cancel'])
      assert.match(command.stderr, new RegExp(`^ {2}.* recon ${word} ${id} --project ${project}$`, 'm'))
    assert.equal(((await gateway.call(`recon/${id}`)).json as JsonObject).state, 'ACTIVE')
    const follower = recon(project, 'follow', id)
    await follower.line(`Run ${id}: of m`)
    gate.open()
    assert.deepEqual(await follower.exited, { code: 0, signal: null })
    assert.match(follower.stdout, /^Targets: 3 created/m)
  })

  it('is not needed when the gateway dies: the command says how to go on, and status, too', async () => {
    const { project, gate } = await stage()
    const gateway = await startGatewayProcess({}, { project })
    const command = recon(project, 'm', '--yes')
    await gate.reached
    await gateway.process.kill('SIGKILL')
    gate.open()
    assert.deepEqual(await command.exited, { code: 1, signal: null })
    const id = idIn(command)
    for (const word of ['follow', 'resume'])
      assert.match(command.stderr, new RegExp(`^ {2}.* recon ${word} ${id} --project ${project}$`, 'm'))
    const status = recon(project, 'status', '--run', id)
    assert.deepEqual(await status.exited, { code: 0, signal: null }, status.stderr)
    assert.match(status.stdout, new RegExp(`\nNext:\n {2}.* recon resume ${id} --project ${project}\n$`))
  })

  it('interrupts a run of the command itself after what is under way, and says how to resume it', async () => {
    const { project, gate } = await stage()
    const command = recon(project, 'm', '--yes')
    await gate.reached
    command.child.kill('SIGINT')
    await command.line('Finishing what is under way')
    gate.open()
    assert.deepEqual(await command.exited, { code: 130, signal: null })
    const id = idIn(command)
    assert.match(command.stderr, new RegExp(`^ {2}.* recon resume ${id} --project ${project}$`, 'm'))
    assert.deepEqual(gate.created, ['u1'])
    const status = recon(project, 'status')
    await status.exited
    assert.match(status.stdout, new RegExp(`${id}  m  run  INTERRUPTED, can be resumed  1 done`))
    const resumed = recon(project, 'resume', id)
    assert.deepEqual(await resumed.exited, { code: 0, signal: null }, resumed.stderr)
    assert.deepEqual(gate.created, ['u1', 'u2', 'u3'])
  })

  it('ends the command at once when it comes again', async () => {
    const { project, gate } = await stage()
    const command = recon(project, 'm', '--yes')
    await gate.reached
    command.child.kill('SIGINT')
    await command.line('Finishing what is under way')
    // Another signal: the same one within half a second may be a copy that npm forwards.
    assert.deepEqual(await command.kill('SIGTERM'), { code: 130, signal: null })
    assert.doesNotMatch(command.stderr, /recon resume/)
  })

  it('at a terminal leaves neither the progress bar nor a mode of the terminal on', async function () {
    if (!hasTerminal) this.skip()
    const { project } = await stage()
    await startGatewayProcess({}, { project })
    // The shell gets the signal as well, and would end before its next command.
    const typed = await atTerminal(
      `trap : INT; '${process.execPath}' '${BIN}' recon m --yes --project '${project}'; stty -a`,
      { cwd: project, env: ENV, answers: [['the plan of m is executed', CTRL_C]] },
    )
    assert.match(typed.output, /\nThe run goes on at the gateway\./)
    assert.match(typed.output, / echo /)
  })
})
