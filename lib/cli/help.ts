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

/** What `GROUP --help` prints. */
export const groupHelp = (group: string, commands: readonly Command[]): string => `Usage: ${PROGRAM} ${group} COMMAND

Commands:
${columns(commands.map((command) => [usageOf(command), command.summary]))}
`

const usageOf = ({ name, operands = [] }: Command): string => [name, ...operands].join(' ')

/** What `COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const { summary, options, notes } = command
  const rows = Object.entries({ ...options, help: { description: 'show this' } }).map(
    ([option, described]) => [optionName(option, described), described.description] as const,
  )
  return `Usage: ${PROGRAM} ${usageOf(command)} [OPTIONS]\n\n${summary}\n\nOptions:\n${columns(rows)}\n${notes ? `\n${notes}\n` : ''}`
}

const optionName = (name: string, { value }: CommandOption): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
