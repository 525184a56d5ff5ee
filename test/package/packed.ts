/**
 * The package as a user gets it: packed, and installed beside the frameworks and an older Node. Done at first use, once
 * for all test files of a run.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeFiles } from '../helpers/files.ts'
import { type Framework, type Subject, startHost } from '../security/subject.ts'

export interface Installation {
  readonly dir: string
  /** An application with this package alone: `dir/app`. */
  readonly app: string
  /** `node_modules/openidm-external-idm`. */
  readonly packageDir: string
  /** What `npm pack` put into the tarball. */
  readonly files: readonly string[]
  /** The executables, by major version. */
  readonly node: Readonly<Record<NodeVersion | '20', string>>
}

export type NodeVersion = '22' | '24' | '26'
export const NODE_VERSIONS: readonly NodeVersion[] = ['22', '24', '26']

/** Long enough for a cold cache of npm. */
export const INSTALL_TIMEOUT = 600_000

const OTHER_NODES = ['20', '22', '26']
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund']
const repository = join(import.meta.dirname, '../..')
const run = promisify(execFile)
let dir: string | undefined
let installation: Promise<Installation> | undefined

export function installPackage(): Promise<Installation> {
  installation ??= install()
  return installation
}

after(async () => {
  if (dir) await rm(dir, { recursive: true, force: true, maxRetries: 3 })
})

async function install(): Promise<Installation> {
  const start = performance.now()
  dir = await mkdtemp(join(await realpath(tmpdir()), 'external-idm-package-'))
  const { tarball, files } = await pack(dir)
  const packed = performance.now()
  const app = join(dir, 'app')
  await writeFiles(app, { 'package.json': { private: true, type: 'module' } })
  await npm(app, ...INSTALL, tarball)
  // Node is installed by a script of its package; the alias keeps its `node` from being ours.
  const allowScripts = Object.fromEntries(OTHER_NODES.map((version) => [`node${version}`, true]))
  await writeFiles(dir, { 'package.json': { private: true, type: 'module', allowScripts } })
  const nodes = OTHER_NODES.map((version) => `node${version}@npm:node@${version}`)
  await npm(dir, ...INSTALL, tarball, 'express@5', 'express4@npm:express@4', ...nodes)
  await copyFile(join(import.meta.dirname, 'host.mjs'), join(dir, 'host.mjs'))
  const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`
  console.log(`    packed in ${seconds(start, packed)}, installed in ${seconds(packed, performance.now())}`)
  const nodeOf = (version: string) => join(dir ?? '', `node_modules/node${version}/bin/node`)
  return {
    dir,
    app,
    packageDir: join(dir, 'node_modules/openidm-external-idm'),
    files,
    node: { '20': nodeOf('20'), '22': nodeOf('22'), '24': process.execPath, '26': nodeOf('26') },
  }
}

/** Builds (prepack) and packs into `target`. */
async function pack(target: string): Promise<{ tarball: string; files: string[] }> {
  await npm(repository, 'pack', '--pack-destination', target)
  const [name = 'no tarball'] = (await readdir(target)).filter((file) => file.endsWith('.tgz'))
  const tarball = join(target, name)
  const { stdout } = await run('tar', ['-tzf', tarball])
  const files = stdout.split('\n').flatMap((line) => (line === '' ? [] : line.replace(/^package\//, '')))
  return { tarball, files: files.sort() }
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  await run('npm', args, { cwd, maxBuffer: 10_000_000 }).catch((error: Error & { stdout?: string }) => {
    throw new Error(`npm ${args[0]} failed: ${error.stdout}\n${error.message}`)
  })
}

/** The installed package in one framework, on one Node. */
export const fromPackage = (framework: Framework, version: NodeVersion): Subject => ({
  title: `the package in ${framework} on Node ${version}`,
  start: async (confDir) => {
    const { dir, node } = await installPackage()
    return startHost(
      { script: join(dir, 'host.mjs'), specifier: 'openidm-external-idm', node: node[version] },
      framework,
      confDir,
    )
  },
})
