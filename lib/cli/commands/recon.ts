import { createInterface } from 'node:readline'
import type { Json, JsonObject } from '../../contract.ts'
import { type Command, type CommandIo, type OptionValues, UsageError } from '../command.ts'
import { apiNotes, apiOptions, withApi } from '../recon/open-api.ts'
import { planText } from '../recon/plan-text.ts'
import { follow } from '../recon/progress.ts'
import type { ReconApi } from '../recon/recon-api.ts'
import { json, runText } from '../recon/run-text.ts'

export const recon: Command = {
  name: 'recon',
  operands: ['MAPPING'],
  summary: 'Reconciles a mapping: shows the plan, asks, and carries it out.',
  options: {
    'dry-run': { description: 'show the plan and write nothing' },
    yes: { description: 'carry the plan out without asking' },
    'by-id': { value: 'ID', description: 'only the source object with this id' },
    'max-deletes': {
      value: 'N',
      description: 'stop before the first write when more would be deleted: a number, or a share such as 10%',
    },
    'max-clears': {
      value: 'N',
      description: 'stop before the first write when one field would be cleared in more targets',
    },
    'accept-unassessed': { description: 'carry out what waits for sources that could not be assessed' },
    'allow-approximate': { description: 'carry out what scripts may do otherwise than shown' },
    ...apiOptions,
  },
  notes: `${apiNotes}

Exit status 0: all was carried out; 1: something failed, or the answer was no.`,

  run: (values, io) => withApi(values, io, (api) => reconcile(api, values.operand(0), values, io)),
}

async function reconcile(api: ReconApi, mapping: string, values: OptionValues, io: CommandIo): Promise<number> {
  const isDry = values.flag('dry-run')
  const mayAsk = io.stdin.isTTY === true
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
  if (!values.flag('yes') && !(await agrees(io))) return 1
  const { _id } = await api.action(`recon/${String(analysis._id)}`, 'execute', {}, settings(values))
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
  const { _id } = await api.action('recon', id === undefined ? 'recon' : 'reconById', params, settings(values))
  return follow(api, String(_id), stderr)
}

/** For the analysis and for carrying it out: the plan is to say what the run will do. */
function settings(values: OptionValues): Json {
  const [maxDeletes, maxClears] = [values.text('max-deletes'), values.text('max-clears')]
  const given = {
    ...(maxDeletes !== undefined && { maxDeletes }),
    ...(maxClears !== undefined && { maxClears }),
    ...(values.flag('accept-unassessed') && { acceptUnassessed: true }),
    ...(values.flag('allow-approximate') && { allowApproximate: true }),
  }
  return Object.keys(given).length > 0 ? given : null
}

/** A terminal that is closed without an answer says no. */
async function agrees({ stdin, stderr }: CommandIo): Promise<boolean> {
  stderr.write('\nCarry this plan out? [y/N] ')
  const terminal = createInterface({ input: stdin })
  try {
    for await (const line of terminal) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    terminal.close()
  }
}

const failures = ({ statusSummary }: JsonObject): number =>
  Number((statusSummary as JsonObject | undefined)?.FAILURE ?? 0)
