/** How the commands are defined. */
import { type Command, Option, type OptionValues } from 'commander'
import type { CommandIo } from './command.ts'
import { widthOf } from './output.ts'

/** What a command is defined with. */
export interface Context {
  readonly io: CommandIo
  /** Takes the exit status of the command that ran. */
  readonly end: (status: number) => void
}

/** Resolves to the exit status. */
export type Run<Options extends OptionValues> = (options: Options, ...operands: string[]) => Promise<number>

export function define<Options extends OptionValues>(
  parent: Command,
  usage: string,
  { end }: Context,
  run: Run<Options>,
): Command {
  const command = parent.command(usage)
  return command.action(async () => end(await run(command.optsWithGlobals<Options>(), ...command.args)))
}

/** Line breaks of the source become spaces, except around blank and indented lines. */
export const prose = (text: string): string => text.replace(/(?<=\S)\n(?=\S)/g, ' ')

export const LOG_LEVEL = ['LOG_LEVEL', 'trace, debug, info (default), warn, error or silent'] as const

export function environment(
  command: Command,
  { io }: Context,
  variables: readonly (readonly [string, string])[],
): void {
  command.addHelpText('after', () => {
    const help = Object.assign(command.createHelp(), { helpWidth: widthOf(io.stdout) })
    const width = Math.max(...variables.map(([name]) => name.length))
    return ['\nEnvironment:', ...variables.map(([name, text]) => help.formatItem(name, width, text, help))].join('\n')
  })
}

/** Defines a command with the options and variables that name the gateway. */
export function defineForGateway<Options extends OptionValues>(
  parent: Command,
  usage: string,
  context: Context,
  run: Run<Options>,
): Command {
  const command = define(parent, usage, context, run)
  environment(command, context, [
    ['OPENIDM_URL', 'gateway, unless --url or --project is given'],
    ['OPENIDM_USERNAME', 'user name, unless --user is given'],
    ['OPENIDM_PASSWORD', 'password (default: that of openidm-admin, see start --help)'],
  ])
  return command
    .option('--json', 'print JSON')
    .addOption(new Option('--url <url>', 'gateway, such as http://127.0.0.1:8080/openidm').conflicts('project'))
    .option('--user <name>', 'user name (default: openidm-admin)')
    .option('--project <dir>', 'the gateway of this project directory, or one for as long as the command takes')
}

export const PROJECT = ['--project <dir>', 'directory with conf/ and security/', '.'] as const

/** A repeatable option. */
export const collect = (value: string, values: readonly string[] | undefined): readonly string[] => [
  ...(values ?? []),
  value,
]

export const FINGERPRINT = [
  '--trust-fingerprint <sha256>',
  'trust the presented certificate with this SHA-256 fingerprint; repeatable',
  collect,
] as const
