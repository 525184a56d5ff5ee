import assert from 'node:assert/strict'
import { tempDir, writeFiles } from './files.ts'
import { type NodeProcess, spawnNode } from './process.ts'
import { until } from './until.ts'

describe('spawned node', () => {
  let previous: NodeProcess

  it('runs with the Node of the tests, in a directory, with an environment', async () => {
    const cwd = await writeFiles(await tempDir(), {
      'main.ts': 'console.log(process.version, process.env.A, process.cwd())',
    })
    const node = spawnNode(['main.ts'], { cwd, env: { A: 'b' } })
    assert.equal(await node.line('b'), `${process.version} b ${cwd}`)
    assert.deepEqual(await node.exited, { code: 0, signal: null })
    assert.deepEqual(await node.kill(), { code: 0, signal: null })
  })

  it('collects both streams and takes input', async () => {
    const node = spawnNode(['-e', 'process.stdin.pipe(process.stdout); console.error("bad"); process.exitCode = 3'])
    node.input('typed\n')
    assert.equal(await node.line(/^ty/), 'typed')
    assert.equal((await node.exited).code, 3)
    assert.deepEqual([node.stdout, node.stderr], ['typed\n', 'bad\n'])
  })

  it('tells at once, with the output, when the line cannot come any more', async () => {
    const node = spawnNode(['-e', 'console.log("other"); process.exit(1)'])
    await assert.rejects(
      node.line('ready'),
      /the process ended \(code 1, signal null\) without a line with ready.*\nother/s,
    )
    await assert.rejects(spawnNode(['x'], { cwd: '/does/not/exist' }).line('ready'), /ENOENT/)
  })

  it('ends by a signal', async () => {
    const node = spawnNode(['-e', 'setInterval(() => {}, 1000); console.log("up")'])
    await node.line('up')
    assert.deepEqual(await node.kill(), { code: null, signal: 'SIGTERM' })
  })

  it('is left running', async () => {
    previous = spawnNode(['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")'])
    await previous.line('up')
  })

  it('was killed behind its test', async () => {
    assert.equal((await previous.exited).signal, 'SIGKILL')
    await until(() => previous.child.killed)
  })
})
