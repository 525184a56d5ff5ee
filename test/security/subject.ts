import { join } from 'node:path'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'

export type Framework = 'express5' | 'express4' | 'http'
export const FRAMEWORKS: readonly Framework[] = ['express5', 'express4', 'http']

/** The application under attack, as one of its kinds: which package, in which framework, on which Node. */
export interface Subject {
  readonly title: string
  start(confDir: string): Promise<Host>
}

/** The doors of the application: what the host does before the router; see test/package/host.mjs. */
export type Entrance = 'bare' | 'lenient' | 'open' | 'json' | 'rawBody' | 'buffer' | 'text' | 'urlencoded'

export interface Host {
  readonly framework: Framework
  readonly process: NodeProcess
  readonly ports: Readonly<Record<Entrance, number>>
  /** What the package said when it was used without authentication. */
  readonly refusals: Readonly<Record<'router' | 'plugin', string>>
}

export interface HostCommand {
  /** The script, where the packages that it imports are found. */
  readonly script: string
  /** What it imports as the package. */
  readonly specifier: string
  readonly node?: string
}

/** Starts the host script as a process of its own. */
export async function startHost(command: HostCommand, framework: Framework, confDir: string): Promise<Host> {
  const { script, specifier, node = process.execPath } = command
  const child = spawnNode([script, JSON.stringify({ specifier, framework, confDir })], { node })
  const { ports, refusals } = JSON.parse(await child.line(/^\{"ports"/)) as Pick<Host, 'ports' | 'refusals'>
  return { framework, process: child, ports, refusals }
}

const repository = join(import.meta.dirname, '../..')

/** The sources as they stand, without packing: for quick feedback. */
export const fromSource = (framework: Framework): Subject => {
  const script = join(repository, 'test/package/host.mjs')
  const specifier = join(repository, 'lib/index.ts')
  return {
    title: `the sources in ${framework}`,
    start: (confDir) => startHost({ script, specifier }, framework, confDir),
  }
}
