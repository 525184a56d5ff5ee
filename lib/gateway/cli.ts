import { parseArgs } from 'node:util'
import { type Command, type CommandIo, OptionValues, UsageError } from './command.ts'
import { commands } from './commands/index.ts'
import { commandHelp, PROGRAM, programHelp } from './help.ts'
import { packageVersion } from './package-info.ts'
import { reasonOf } from './start-error.ts'

/**
 * Runs the command line; whatever goes wrong becomes one clear line on standard error.
 * @returns the exit status: 0 well, 1 failed, 2 not understood
 */
export async function main(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  try {
    return await run(args, io)
  } catch (error) {
    io.stderr.write(`${PROGRAM}: ${reasonOf(error)}\n`)
    if (error instanceof UsageError) io.stderr.write(`Type  ${PROGRAM} --help  to see what can be typed.\n`)
    else if (io.env.LOG_LEVEL === 'debug' && error instanceof Error) io.stderr.write(`${error.stack}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

async function run([name, ...args]: readonly string[], io: CommandIo): Promise<number> {
  if (name === '--version') return print(io, `${packageVersion()}\n`)
  if (name === '--help' || name === '-h' || name === 'help') return print(io, programHelp(commands))
  if (name === undefined) throw new UsageError('a command is missing')
  const command = commands.find((known) => known.name === name)
  if (!command) throw new UsageError(`there is no command ${JSON.stringify(name)}; there are ${names()}`)
  const values = parseOptions(command, args)
  if (values.flag('help')) return print(io, commandHelp(command))
  return command.run(values, io)
}

const names = (): string => commands.map(({ name }) => name).join(', ')

function print(io: CommandIo, text: string): number {
  io.stdout.write(text)
  return 0
}

function parseOptions(command: Command, args: readonly string[]): OptionValues {
  const options = Object.entries(command.options).map(
    ([name, { value, multiple = false }]) =>
      [name, { type: value === undefined ? 'boolean' : 'string', multiple }] as const,
  )
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
      strict: true,
      allowPositionals: false,
    })
    return new OptionValues(values)
  } catch (error) {
    // Node adds advice about positional arguments, which no command takes.
    throw new UsageError(`${command.name}: ${reasonOf(error).split('. ')[0]}`)
  }
}

const processIo = (): CommandIo => ({
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
})
