import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import { parseCount, UsageError } from '../../lib/cli/command.ts'
import { commandLine } from '../../lib/core/command-line.ts'
import { packageRoot, packageVersion } from '../../lib/gateway/project/package-info.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'

/** Runs a command with a terminal of this many columns; undefined = into a pipe. */
async function run(args: readonly string[], { cwd = packageRoot, columns }: { cwd?: string; columns?: number } = {}) {
  const printed = { stdout: '', stderr: '' }
  const writer = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      printed[name] += text
    },
    ...(columns !== undefined && { isTTY: true, columns }),
  })
  const io = { stdin: Readable.from([]), stdout: writer('stdout'), stderr: writer('stderr'), env: {}, cwd }
  return { code: await main(args, io), ...printed }
}

const COMMANDS = [
  [],
  ['init'],
  ['start'],
  ['demo'],
  ['check'],
  ...['', ...'plan approve execute verify resume follow mappings status cancel'.split(' ')].map((word) =>
    ['recon', word].filter(Boolean),
  ),
  ...['', 'import', 'list', 'purge'].map((word) => ['link', word].filter(Boolean)),
  ...['', 'list', 'add', 'fetch', 'remove'].map((word) => ['trust', word].filter(Boolean)),
  ...['', 'encrypt', 'generate-key', 'rotate', 'rewrap'].map((word) => ['secret', word].filter(Boolean)),
]

describe('the help', () => {
  for (const command of COMMANDS)
    it(`of ${command.join(' ') || 'the program'} fits 80 columns, and narrower terminals`, async () => {
      const help = await run([...command, '--help'])
      assert.deepEqual([help.code, help.stderr], [0, ''])
      for (const columns of [60, 80, 120]) {
        const { stdout } = await run(['help', ...command], { columns })
        assert.deepEqual(
          stdout.split('\n').filter((line) => line.length > Math.max(columns, 76)),
          [],
        )
        if (columns === 80) assert.equal(stdout, help.stdout)
      }
    })

  it('is shown where a command is missing: on standard error, with status 2', async () => {
    const { code, stdout, stderr } = await run([])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^Usage: /)
  })
})

describe('habits', () => {
  for (const words of ['-v', '--version', 'version'])
    it(`${words} shows the version`, async () => {
      assert.deepEqual(await run([words]), { code: 0, stdout: `${packageVersion()}\n`, stderr: '' })
    })

  for (const args of [
    ['start'],
    ['check'],
    ['trust', 'list'],
    ['trust', 'add', 'a', import.meta.filename],
    ['trust', 'fetch', 'a'],
    ['trust', 'remove', 'a'],
    ['secret', 'encrypt'],
    ['secret', 'rotate'],
    ['secret', 'rewrap'],
    ['recon', 'mappings'],
  ])
    it(`${args.slice(0, 2).join(' ')} --project names a directory that does not exist`, async () => {
      const cwd = await tempDir()
      const { code, stdout, stderr } = await run([...args, '--project', 'none'], { cwd })
      assert.deepEqual([code, stdout], [1, ''])
      assert.equal(stderr, `openidm-external-idm: ${join(cwd, 'none')}: does not exist\n`)
    })

  it('check takes a project', async () => {
    const cwd = await tempDirWith({ 'p/conf/x.json': {} })
    const { code, stdout } = await run(['check', '--project', 'p'], { cwd })
    assert.deepEqual(
      [code, stdout],
      [1, 'There is no instance: put a file external.idm-NAME.json into the directory.\n'],
    )
  })
})

describe('what a message tells to type', () => {
  const installed = '/usr/lib/node_modules/openidm-external-idm/dist/core/command-line.js'

  it('works in a checkout, from any directory', async () => {
    assert.equal(commandLine({ cwd: packageRoot }), 'npm run --silent cli --')
    assert.equal(commandLine({ cwd: join(packageRoot, 'lib') }), 'npm run --silent cli --')
    const elsewhere = await tempDir()
    await mkdir(join(elsewhere, 'x'))
    assert.equal(commandLine({ cwd: elsewhere }), `node ${join(packageRoot, 'lib/bin.js')}`)
    const { stderr } = await run(['strat'], { cwd: elsewhere })
    assert.match(stderr, /\nType {2}node \S+\/lib\/bin\.js --help {2}to see/)
  })

  it('works where the package is installed', () => {
    const from = (script: string) => commandLine({ script, module: installed })
    assert.equal(from('/usr/bin/openidm-external-idm'), 'openidm-external-idm')
    assert.equal(from('/app/node_modules/.bin/openidm-external-idm'), 'npx openidm-external-idm')
    assert.equal(from('/app/server.js'), 'npx openidm-external-idm')
  })
})

describe('the count of an option', () => {
  it('is a whole number within its bounds', () => {
    assert.equal(parseCount('--workers', '1', 64), 1)
    assert.equal(parseCount('--workers', '64', 64), 64)
  })

  for (const value of ['0', '65', '-1', '1.5', 'two', '', '1e1', ' 2']) {
    it(`is not ${JSON.stringify(value)}`, () => {
      const message = `--workers: must be a whole number from 1 to 64, found ${JSON.stringify(value)}`
      assert.throws(() => parseCount('--workers', value, 64), new UsageError(message))
    })
  }
})
