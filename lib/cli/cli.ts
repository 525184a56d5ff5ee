import { parseArgs } from 'node:util'
import { packageVersion } from '../gateway/project/package-info.ts'
import { reasonOf } from '../gateway/project/start-error.ts'
import { type Command, type CommandIo, OptionValues, UsageError } from './command.ts'
import { commands } from './commands/index.ts'
import { commandHelp, groupHelp, PROGRAM, programHelp } from './help.ts'

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

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const [name] = args
  if (name === '--version') return print(io, `${packageVersion()}\n`)
  if (name === '--help' || name === '-h' || name === 'help') return print(io, programHelp(commands))
  if (name === undefined) throw new UsageError('a command is missing')
  const command = commands.find((known) => wordsOf(known).every((word, index) => word === args[index]))
  if (!command) return runGroup(name, args[1], io)
  const values = parseOptions(command, args.slice(wordsOf(command).length))
  if (values.flag('help')) return print(io, commandHelp(command))
  return command.run(values, io)
}

/** `trust` alone, or with something behind it that it does not know. */
function runGroup(name: string, second: string | undefined, io: CommandIo): number {
  const group = commands.filter((known) => wordsOf(known)[0] === name)
  if (group.length === 0) throw new UsageError(`there is no command ${JSON.stringify(name)}; there are ${names()}`)
  if (second === '--help' || second === '-h') return print(io, groupHelp(name, group))
  const choice = group.map((known) => wordsOf(known)[1]).join(', ')
  const fault = second === undefined ? 'what to do is missing' : `there is no ${JSON.stringify(second)}`
  throw new UsageError(`${name}: ${fault}; there are ${choice}`)
}

const wordsOf = ({ name }: Command): string[] => name.split(' ')

const names = (): string => [...new Set(commands.map((command) => wordsOf(command)[0]))].join(', ')

function print(io: CommandIo, text: string): number {
  io.stdout.write(text)
  return 0
}

function parseOptions(command: Command, args: readonly string[]): OptionValues {
  const options = Object.entries(command.options).map(
    ([name, { value, multiple = false }]) =>
      [name, { type: value === undefined ? 'boolean' : 'string', multiple }] as const,
  )
  const operands = command.operands ?? []
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
      strict: true,
      allowPositionals: operands.length > 0,
    })
    if (values.help !== true) checkOperands(operands, positionals)
    return new OptionValues(values, positionals)
  } catch (error) {
    // Node adds advice about positional arguments.
    throw new UsageError(`${command.name}: ${reasonOf(error).split('. ')[0]}`)
  }
}

function checkOperands(names: readonly string[], given: readonly string[]): void {
  const missing = names[given.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing`)
  if (given.length > names.length) throw new UsageError(`Unexpected argument '${given[names.length]}'`)
}

function processIo(): CommandIo {
  // A full disk or a closed pipe; without a listener each ends the process with a stack trace.
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => reportOutput(error))
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
  }
}

let isReported = false

function reportOutput({ code, message }: NodeJS.ErrnoException): void {
  if (isReported) return
  isReported = true
  // Whoever reads no further, such as `head`, knows why.
  if (code !== 'EPIPE') process.stderr.write(`${PROGRAM}: standard output cannot be written: ${message}\n`)
  // Later than the status of the command, which knows nothing of it.
  process.once('exit', () => {
    process.exitCode ||= 1
  })
}
