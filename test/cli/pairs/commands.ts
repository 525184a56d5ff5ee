/** What is started while another process holds the project. */
import { join } from 'node:path'
import type { Stage } from './stage.ts'

/**
 * `owns`: needs the project for itself. `runs`: starts a run, which a gateway takes. `asks`: any owner with a listener
 * answers it. `changes`: so, but not what a run of the mapping uses. `copies`: waits for an owner without. `reads`: looks at files only.
 */
export type Need = 'owns' | 'runs' | 'asks' | 'changes' | 'copies' | 'reads'

export interface SecondCommand {
  readonly name: string
  readonly need: Need
  args(stage: Stage, run: string): string[]
}

let backups = 0

const second = (name: string, need: Need, args: SecondCommand['args']): SecondCommand => ({ name, need, args })

export const COMMANDS: readonly SecondCommand[] = [
  second('start', 'owns', () => ['start', '--port', '0']),
  second('start --workers 2', 'owns', () => ['start', '--port', '0', '--workers', '2']),
  second('recon m', 'runs', () => ['recon', 'm', '--yes']),
  second('recon execute', 'runs', ({ files }) => ['recon', 'execute', files.plan]),
  second('recon resume', 'runs', (_, run) => ['recon', 'resume', run]),
  second('recon verify', 'runs', () => ['recon', 'verify', 'm']),
  second('recon plan', 'asks', ({ files }) => ['recon', 'plan', files.plan]),
  second('recon approve', 'changes', ({ files }) => ['recon', 'approve', files.plan]),
  second('recon status', 'asks', () => ['recon', 'status']),
  second('project backup', 'copies', ({ files }) => ['project', 'backup', join(files.backup, '..', `b${backups++}`)]),
  second('project restore', 'owns', ({ files }) => ['project', 'restore', files.backup, '--force']),
  second('secret rotate', 'owns', () => ['secret', 'rotate']),
  second('secret rewrap', 'owns', () => ['secret', 'rewrap']),
  second('link import', 'changes', ({ files }) => ['link', 'import', files.links, '--mapping', 'm']),
  second('link purge', 'asks', () => ['link', 'purge', '--removed', '--yes']),
  second('an application', 'owns', () => ['host']),
  second('check', 'reads', () => ['check']),
  second('doctor', 'reads', () => ['doctor']),
  second('init', 'reads', () => ['init']),
]
