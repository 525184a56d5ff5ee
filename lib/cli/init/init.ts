/** The command `init`: from addresses and accounts to a project whose remotes answer. Writes everything or nothing. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { formatConfig } from '../../config/rest/config-format.ts'
import { KEYS_FILE } from '../../config/values/content-resolver.ts'
import { encrypt, generateKey, parseKeys, readKeys } from '../../config/values/crypto/crypto.ts'
import { commandLine, shellQuoted } from '../../core/command-line.ts'
import { faultOf } from '../../core/http/fault.ts'
import { silentLog } from '../../core/log.ts'
import { Scope } from '../../core/scope.ts'
import { ownProject } from '../../gateway/project/acceptance.ts'
import { openProject } from '../../gateway/project/project.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { runChecklist } from '../../remote/check/checklist.ts'
import { Instance } from '../../remote/instance/instance.ts'
import { FACTORY_PID } from '../../remote/instance/registry.ts'
import { bundleOf } from '../../trust/trust-bundle-file.ts'
import { withCertificates } from '../../trust/trust-store-bundle.ts'
import { instanceTable, type Report } from '../check.ts'
import { type CommandIo, UsageError } from '../command.ts'
import { columnsOf, widthOf } from '../output.ts'
import { type Prompts, terminalPrompts } from '../prompts.ts'
import { wrapped } from '../text.ts'
import { loadTrustStore } from '../trust.ts'
import { type Decider, decideTrust, ProvisionalTrust, parseFingerprint } from '../trust-decision.ts'
import { askRemotes, type NewRemote, type RemoteOptions } from './answers.ts'
import { currentBytes, type PlannedFile, writeAll } from './files.ts'
import { type PlannedMapping, planMapping } from './mapping-plan.ts'

export interface InitOptions extends RemoteOptions {
  readonly project?: string
  readonly trustFingerprint?: readonly string[]
  readonly map?: string
  readonly overwrite?: boolean
  /** False with --no-check: the remotes are not contacted. */
  readonly check: boolean
  readonly yes?: boolean
}

export async function init(options: InitOptions, io: CommandIo): Promise<number> {
  const { project, yes = false } = options
  if (project === undefined) throw new UsageError('--project <dir> is missing')
  if (options.map !== undefined && !options.check) throw new UsageError('--map needs the remotes: leave out --no-check')
  const fingerprints = (options.trustFingerprint ?? []).map(parseFingerprint)
  const prompts = terminalPrompts(io)
  const dir = resolve(io.cwd, project)
  const remotes = await answersOf(options, dir, prompts, io)
  const scope = new Scope(silentLog)
  try {
    const trust = new ProvisionalTrust(await loadTrustStore(dir, io.env))
    const instances = new Map(remotes.map(({ name, properties }) => [name, open(scope, name, properties, trust, io)]))
    const decider = { fingerprints, prompts, stdout: io.stdout }
    if (options.check) await contact([...instances.values()], trust, decider)
    const plan = {
      confDir: join(dir, 'conf'),
      env: io.env,
      added: instances,
      map: options.map,
      overwrite: options.overwrite ?? false,
      prompts,
      stdout: io.stdout,
    }
    const mapping = options.check && (options.map !== undefined || !yes) ? await planMapping(scope, plan) : undefined
    const files = planFiles({ dir, remotes, trust, mapping, io })
    await settle(files, options, prompts, io)
    await write(dir, files)
    io.stdout.write(nextText(project, mapping, io))
    return 0
  } finally {
    await scope.dispose()
  }
}

/** @throws UsageError that names all options that are missing, without a terminal */
async function answersOf(
  options: InitOptions,
  dir: string,
  prompts: Prompts | undefined,
  { cwd }: CommandIo,
): Promise<NewRemote[]> {
  const { yes = false, overwrite = false, remote = [], map } = options
  const missing: string[] = []
  const isComplete = yes || map !== undefined
  if (remote.length === 0 && map === undefined && (!prompts || yes)) missing.push('--remote NAME=URL')
  const fileOf = (name: string) => join(dir, 'conf', `${FACTORY_PID}-${name}.json`)
  const isTaken = (name: string) => !overwrite && existsSync(fileOf(name))
  const remotes = await askRemotes({ options, prompts, cwd, isComplete, isTaken }, missing)
  if (!prompts && !yes) missing.push('--yes')
  if (missing.length > 0)
    throw new UsageError(`${prompts ? 'not all is answered' : 'no terminal to ask at'}: give ${missing.join(', ')}`)
  return remotes
}

function open(
  scope: Scope,
  name: string,
  properties: NewRemote['properties'],
  trust: ProvisionalTrust,
  { env }: CommandIo,
): Instance {
  const instance = new Instance(name, properties, { trust, env })
  scope.defer(`instance ${name}`, () => instance.destroy())
  return instance
}

/** Has the servers trusted, and runs the checklist for each. @throws StartError when that is not wanted or fails */
async function contact(instances: readonly Instance[], trust: ProvisionalTrust, decider: Decider): Promise<void> {
  const reports: Report[] = []
  for (const instance of instances) {
    await decideTrust(instance, trust, decider).catch((error: unknown) => {
      // That of a server which does not answer is in the report.
      if (faultOf(error) === 'unexpected') throw error
    })
    const steps = await Array.fromAsync(runChecklist(instance, trust.store.paths[0] ?? ''))
    const ok = steps.every((step) => step.ok !== false)
    reports.push({ name: instance.name, enabled: true, ok, steps })
  }
  if (reports.length === 0) return
  const { stdout, prompts } = decider
  stdout.write(`\n${instanceTable(reports, columnsOf(stdout))}\n`)
  if (reports.every(({ ok }) => ok)) return
  if (await prompts?.confirm('The check has failed. Go on all the same?', false)) return
  throw new StartError('the check has failed: nothing was written (--no-check writes without it)')
}

interface FilePlan {
  readonly dir: string
  readonly remotes: readonly NewRemote[]
  readonly trust: ProvisionalTrust
  readonly mapping: PlannedMapping | undefined
  readonly io: CommandIo
}

function planFiles({ dir, remotes, trust, mapping, io }: FilePlan): PlannedFile[] {
  const file = (path: string, text: string): PlannedFile => ({ path, text, before: currentBytes(path) })
  const keyFile = join(dir, 'security', KEYS_FILE)
  const known = readKeys({ env: io.env, file: keyFile })
  const line = `${generateKey()}\n`
  const keys = known ?? parseKeys(line, keyFile)
  const instances = remotes.map(({ name, content, secretField }) => {
    const sealed = { ...content, [secretField]: encrypt(content[secretField] ?? '', keys) }
    return file(join(dir, 'conf', `${FACTORY_PID}-${name}.json`), formatConfig(sealed))
  })
  const bundle = file(bundleOf(trust.store), '')
  const text = withCertificates(bundle.before?.toString('utf8') ?? '', trust.added)
  return [
    ...(known || remotes.length === 0 ? [] : [file(keyFile, line)]),
    ...(trust.added.length > 0 ? [{ ...bundle, text, isPublic: true }] : []),
    ...instances,
    ...(mapping ? [file(join(dir, 'conf', `mapping-${mapping.name}.json`), formatConfig(mapping.content))] : []),
  ]
}

/** Shows the files and asks for leave to write them. @throws StartError without it */
async function settle(
  files: readonly PlannedFile[],
  { yes = false }: InitOptions,
  prompts: Prompts | undefined,
  { cwd, stdout }: CommandIo,
): Promise<void> {
  if (files.length === 0) throw new StartError('there is nothing to write')
  const lines = files.map(({ path, before }) => `  ${relative(cwd, path)}${before ? ' (changed)' : ''}\n`)
  stdout.write(`Files:\n${lines.join('')}\n`)
  if (!yes && !(await prompts?.confirm('Write these files?', true))) throw new StartError('nothing was written')
}

async function write(dir: string, files: readonly PlannedFile[]): Promise<void> {
  await mkdir(dir, { recursive: true }).catch((error: unknown) => Promise.reject(startError(dir, error)))
  const isNew = !existsSync(join(dir, 'conf'))
  const project = await openProject(dir)
  if (isNew) ownProject(project)
  await writeAll(files)
}

/** What to type next, in the directory that the command was called from. */
function nextText(project: string, mapping: PlannedMapping | undefined, { cwd, stdout }: CommandIo): string {
  const command = commandLine({ cwd })
  const where = `--project ${shellQuoted(project)}`
  return [
    '',
    'Written. Next:',
    ...(mapping
      ? [
          ...wrapped('Show what the mapping would change, which writes nothing:', widthOf(stdout)),
          '',
          `  ${command} recon ${mapping.name} --dry-run ${where}`,
          '',
        ]
      : []),
    'Run the gateway:',
    '',
    `  ${command} start ${where}`,
    '',
  ].join('\n')
}
