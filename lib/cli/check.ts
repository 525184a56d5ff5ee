import { join, resolve } from 'node:path'
import { describeFileFaults } from '../config/files/fault.ts'
import type { JsonObject } from '../contract.ts'
import type { Connection } from '../crest/protocol/connection.ts'
import { existingDirectory, projectOfConf } from '../gateway/project/project.ts'
import { type CommandIo, UsageError } from './command.ts'
import { inspect } from './inspection.ts'
import { columnsOf } from './output.ts'
import { json, table } from './text.ts'

export interface CheckOptions {
  readonly conf?: string
  readonly project?: string
  readonly json?: boolean
}

/** Exit status 0: all enabled instances and all files are well; 1: one is not, or there is no instance. */
export async function check(options: CheckOptions, { stdout, stderr, cwd, env }: CommandIo): Promise<number> {
  const project = projectOfConf(await confOf(options, cwd))
  const { reports, faulty, faults, notices } = await inspect(project, env, async ({ connection, ...found }) => ({
    ...found,
    reports: await ask(connection),
  }))
  for (const notice of notices) stderr.write(`${describeFileFaults([notice])}\n`)
  // Instances and mappings have reports of their own.
  const ofFiles = [...faults.values()].filter(
    ([fault]) => !/^(?:external\.idm|mapping)-/.test(fault?.file ?? '') && fault?.pointer[0] !== 'mappings',
  )
  const others = [
    ...faulty.map(({ name, fault }) => reportOf(`mapping/${name}`, fault)),
    ...ofFiles.map((own) => reportOf(own[0]?.file ?? '', describeFileFaults(own))),
  ]
  const all = [...reports, ...others]
  const messages = others.flatMap(({ steps }) => steps.map(({ message }) => `${message}\n`))
  const text = () => [instanceTable(reports, columnsOf(stdout)), ...messages].join(messages.length > 0 ? '\n' : '')
  stdout.write(options.json ? json(all) : text())
  return reports.length > 0 && all.every(({ ok, enabled }) => ok || !enabled) ? 0 : 1
}

async function confOf({ conf, project }: CheckOptions, cwd: string): Promise<string> {
  if (conf !== undefined) return resolve(cwd, conf)
  if (project !== undefined) return join(await existingDirectory(resolve(cwd, project)), 'conf')
  throw new UsageError('no directory is named: give --project <dir> or --conf <dir>')
}

/** The outcome of one instance: the answer to the action `test`. */
export interface Report {
  readonly name: string
  readonly enabled: boolean
  readonly ok: boolean
  readonly steps: readonly {
    readonly step: string
    readonly ok: boolean | null
    readonly message: string
    readonly cure?: string
    readonly chain?: readonly string[]
  }[]
}

const NONE = 'There is no instance: put a file external.idm-NAME.json into the directory.\n'

/** One row for each step; below it the certificates that were presented, and what to do. */
export function instanceTable(reports: readonly Report[], width: number | undefined): string {
  if (reports.length === 0) return NONE
  const rows = reports.flatMap(({ name, steps }) =>
    steps.flatMap(({ step, ok, message, cure, chain = [] }) => [
      [name, step, resultOf(ok), message],
      ...chain.map((certificate) => ['', '', '', `presented: ${certificate}`]),
      ...(cure === undefined ? [] : [`  do: ${cure}`]),
    ]),
  )
  const well = reports.filter(({ ok }) => ok).length
  const text = table([['INSTANCE', 'STEP', 'RESULT', ''], ...rows], { width })
  return `${text}\n${well} of ${reports.length} instances well\n`
}

function resultOf(ok: boolean | null): string {
  if (ok === null) return '-'
  return ok ? 'ok' : 'FAILED'
}

const reportOf = (name: string, message: string): Report => ({
  name,
  enabled: true,
  ok: false,
  steps: [{ step: 'configuration', ok: false, message }],
})

async function ask(connection: Connection): Promise<Report[]> {
  const { result } = await connection.query('external/idm', { _queryFilter: 'true', _sortKeys: '_id' })
  return Promise.all(result.map((status) => test(connection, status)))
}

async function test(connection: Connection, status: JsonObject): Promise<Report> {
  const name = String(status._id)
  const answer: unknown = await connection.action(`external/idm/${name}`, 'test')
  return { ...(answer as Pick<Report, 'ok' | 'steps'>), name, enabled: status.enabled === true }
}
