import { createInterface } from 'node:readline/promises'
import type { Json, JsonObject } from '../../contract.ts'
import { type Command, type CommandIo, type OptionValues, UsageError } from '../command.ts'
import { openApi } from '../recon/open-api.ts'
import { planText } from '../recon/plan-text.ts'
import { follow } from '../recon/progress.ts'
import type { ReconApi } from '../recon/recon-api.ts'
import { runLine, runText } from '../recon/run-text.ts'

export const recon: Command = {
  name: 'recon',
  words: 'MAPPING | status [RUN] | cancel RUN | mappings',
  summary: 'Reconciles a mapping: shows the plan, asks, and carries it out.',
  options: {
    'dry-run': { description: 'show the plan and write nothing' },
    yes: { description: 'carry the plan out without asking' },
    'by-id': { value: 'ID', description: 'only the source object with this id' },
    'max-deletes': {
      value: 'N',
      description: 'stop before the first write when more would be deleted: a number, or a share such as 10%',
    },
    json: { description: 'print JSON' },
    url: { value: 'URL', description: 'the gateway, such as http://127.0.0.1:8080/openidm' },
    user: { value: 'NAME', description: 'who asks (default openidm-admin)' },
    project: { value: 'DIR', description: 'run a gateway on this project directory for as long as it takes' },
  },
  notes: `Environment:
  OPENIDM_URL       the gateway, unless --url or --project is given
  OPENIDM_USERNAME  who asks, unless --user is given
  OPENIDM_PASSWORD  the password (default: that of openidm-admin, see start --help)

Exit status 0: all was carried out; 1: something failed, or the answer was no.`,

  async run(values, io) {
    const [word, id, ...more] = values.words
    if (word === undefined) throw new UsageError('recon: the name of a mapping is missing')
    if (more.length > 0 || (id !== undefined && word !== 'status' && word !== 'cancel'))
      throw new UsageError(`recon: ${JSON.stringify(more[0] ?? id)} was not expected`)
    if (word === 'cancel' && id === undefined) throw new UsageError('recon cancel: the id of a run is missing')
    const api = await openApi(values, io)
    try {
      if (word === 'mappings') return await listMappings(api, values, io)
      if (word === 'status') return await status(api, id, values, io)
      if (word === 'cancel') return await cancel(api, id ?? '', io)
      return await reconcile(api, word, values, io)
    } finally {
      await api.close()
    }
  },
}

async function listMappings(api: ReconApi, values: OptionValues, { stdout }: CommandIo): Promise<number> {
  const mappings = await api.query('sync/mappings', { _queryFilter: 'true' })
  const lines = mappings.map(({ _id, source, target }) => `${String(_id)}: ${String(source)} → ${String(target)}\n`)
  stdout.write(values.flag('json') ? json(mappings) : lines.join(''))
  return 0
}

async function status(
  api: ReconApi,
  id: string | undefined,
  values: OptionValues,
  { stdout }: CommandIo,
): Promise<number> {
  if (id !== undefined) {
    const run = await existing(api, id)
    stdout.write(values.flag('json') ? json(run) : await runText(api, run))
    return 0
  }
  const { reconciliations = [] } = (await api.read('recon')) ?? {}
  const runs = reconciliations as JsonObject[]
  stdout.write(values.flag('json') ? json(runs) : runs.map((run) => `${runLine(run)}\n`).join(''))
  return 0
}

async function cancel(api: ReconApi, id: string, { stdout }: CommandIo): Promise<number> {
  await existing(api, id)
  await api.action(`recon/${id}`, 'cancel', {}, null)
  stdout.write(`${id} is being canceled\n`)
  return 0
}

async function reconcile(api: ReconApi, mapping: string, values: OptionValues, io: CommandIo): Promise<number> {
  const isDry = values.flag('dry-run')
  const mayAsk = process.stdin.isTTY === true && io.stdout === process.stdout
  if (!isDry && !values.flag('yes') && !mayAsk)
    throw new UsageError('recon: nobody can be asked here; give --dry-run to see the plan, --yes to carry it out')
  const analysis = await analyze(api, mapping, values, io)
  if (analysis.state !== 'SUCCESS') {
    io.stderr.write(`${String(analysis.stageDescription)}\n`)
    return 1
  }
  if (!values.flag('json')) io.stdout.write(await planText(api, analysis))
  else if (isDry) io.stdout.write(json({ ...analysis, plan: await api.read(`recon/plan/${String(analysis._id)}`) }))
  if (isDry) return 0
  if (!values.flag('yes') && !(await agrees())) return 1
  const { _id } = await api.action(`recon/${String(analysis._id)}`, 'execute', {}, limits(values))
  const run = await follow(api, String(_id), io.stderr)
  io.stdout.write(values.flag('json') ? json(run) : await runText(api, run))
  return run.state === 'SUCCESS' && failures(run) === 0 ? 0 : 1
}

async function analyze(
  api: ReconApi,
  mapping: string,
  values: OptionValues,
  { stderr }: CommandIo,
): Promise<JsonObject> {
  const id = values.text('by-id')
  const params = { mapping, analyze: 'true', persistAssociations: 'true', ...(id === undefined ? {} : { id }) }
  const { _id } = await api.action('recon', id === undefined ? 'recon' : 'reconById', params, null)
  return follow(api, String(_id), stderr)
}

function limits(values: OptionValues): Json {
  const limit = values.text('max-deletes')
  return limit === undefined ? null : { maxDeletes: limit }
}

async function existing(api: ReconApi, id: string): Promise<JsonObject> {
  const run = await api.read(`recon/${id}`)
  if (!run) throw new Error(`there is no run ${id}`)
  return run
}

async function agrees(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await terminal.question('\nCarry this plan out? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}

const failures = ({ statusSummary }: JsonObject): number =>
  Number((statusSummary as JsonObject | undefined)?.FAILURE ?? 0)

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
