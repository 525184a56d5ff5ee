/** Compares the two sides of a mapping, and writes nothing. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { CommandIo } from '../command.ts'
import { type ApiOptions, withApi } from '../gateway-api.ts'
import { widthOf } from '../output.ts'
import { json, table, wrapped } from '../text.ts'
import { followRun } from './follow-run.ts'

/** Members of a verification that are differences, with what they mean. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  differing: 'pairs differ',
  missingTargets: 'sources have no target',
  unlinked: 'pairs are not linked',
  unexpectedTargets: 'targets have no source',
  ambiguous: 'sources have several targets',
  failed: 'sources could not be assessed',
}

/** Resolves to the exit status: 1 when anything differs. */
export const reconVerify = (mapping: string, options: ApiOptions, io: CommandIo): Promise<number> =>
  withApi({ ...options, startsRuns: true }, io, async (api) => {
    const started = await api.action('recon', 'verify', { mapping }, null)
    const run = await followRun(api, started, `verification of ${mapping}`, options, io)
    const verification = isObject(run.verification) ? run.verification : {}
    const differs = Object.keys(DIFFERENCES).some((name) => countOf(verification, name) > 0)
    const isComplete = run.state === 'SUCCESS' && isObject(run.verification)
    if (options.json)
      io.stdout.write(json({ mapping, run: run._id ?? null, state: run.state ?? null, ...verification }))
    else io.stdout.write(verificationText(run, verification, { isComplete, differs }, widthOf(io.stdout)))
    return isComplete && !differs ? 0 : 1
  })

interface Outcome {
  readonly isComplete: boolean
  readonly differs: boolean
}

function verificationText(
  run: JsonObject,
  verification: JsonObject,
  { isComplete, differs }: Outcome,
  width: number,
): string {
  if (!isComplete) return `${wrapped(String(run.stageDescription), width).join('\n')}\n`
  const [sources, targets, linked, matching] = ['sources', 'targets', 'linked', 'matching'].map((name) =>
    countOf(verification, name),
  )
  const found = Object.entries(DIFFERENCES).flatMap(([name, text]) => {
    const count = countOf(verification, name)
    return count > 0 ? [[String(count), text]] : []
  })
  const fields = Object.entries(isObject(verification.fields) ? verification.fields : {})
    .sort(([, one], [, other]) => Number(other) - Number(one))
    .map(([field, count]) => [String(count), field])
  const rows = (cells: string[][]) => table(cells, { width, indent: 2, numbered: true })
  return [
    `${String(run.mapping)}: ${differs ? 'the two sides differ' : 'the two sides agree'}\n`,
    `${sources} sources, ${targets} targets, ${linked} linked, ${matching} match\n`,
    rows(found),
    fields.length > 0 ? `Fields that differ\n${rows(fields)}` : '',
  ].join('')
}

const countOf = (verification: JsonObject, name: string): number => Number(verification[name] ?? 0)
