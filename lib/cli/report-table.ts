/** What `check` found out about one instance: the answer to the action `test`. */
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

/**
 * The reports as a table for a terminal: one row for each step, its cure below where something is wrong.
 * @param faults of mappings, one sentence each
 */
export const reportTable = (reports: readonly Report[], faults: readonly string[] = []): string =>
  [instanceTable(reports), ...faults.map((fault) => `${fault}\n`)].join(faults.length > 0 ? '\n' : '')

function instanceTable(reports: readonly Report[]): string {
  if (reports.length === 0) return NONE
  const names = width(['INSTANCE', ...reports.map(({ name }) => name)])
  const steps = width(['STEP', ...reports.flatMap((report) => report.steps.map(({ step }) => step))])
  const line = (name: string, step: string, result: string, text: string) =>
    `${name.padEnd(names)}  ${step.padEnd(steps)}  ${result.padEnd(6)}  ${text}`.trimEnd()
  const lines = [line('INSTANCE', 'STEP', 'RESULT', '')]
  for (const { name, steps: rows } of reports) {
    for (const { step, ok, message, cure, chain = [] } of rows) {
      lines.push(line(name, step, resultOf(ok), message))
      for (const certificate of chain) lines.push(line('', '', '', `presented: ${certificate}`))
      if (cure !== undefined) lines.push(line('', '', '', `do: ${cure}`))
    }
  }
  const well = reports.filter(({ ok }) => ok).length
  return `${lines.join('\n')}\n\n${well} of ${reports.length} instances well\n`
}

const width = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length))

function resultOf(ok: boolean | null): string {
  if (ok === null) return '-'
  return ok ? 'ok' : 'FAILED'
}
