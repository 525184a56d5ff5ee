import type { Command, CommandOption } from './command.ts'

export const PROGRAM = 'openidm-external-idm'

/** What `--help` prints without a command. */
export const programHelp = (commands: readonly Command[]): string => `Usage: ${PROGRAM} COMMAND [OPTIONS]

Makes remote PingIDM, OpenIDM and Advanced Identity Cloud instances resources of this gateway:
/openidm/external/idm/NAME/… is answered by the remote that conf/external.idm-NAME.json names.

Commands:
${columns(commands.map(({ name, summary }) => [name, summary]))}

Options:
${columns([
  ['--help', 'show this, or after a command what it takes'],
  ['--version', 'show the version'],
])}
`

/** What `COMMAND --help` prints. */
export function commandHelp({ name, summary, options, notes }: Command): string {
  const rows = Object.entries({ ...options, help: { description: 'show this' } }).map(
    ([option, described]) => [optionName(option, described), described.description] as const,
  )
  return `Usage: ${PROGRAM} ${name} [OPTIONS]\n\n${summary}\n\nOptions:\n${columns(rows)}\n${notes ? `\n${notes}\n` : ''}`
}

const optionName = (name: string, { value }: CommandOption): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
