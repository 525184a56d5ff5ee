import { CommanderError } from 'commander'
import { commandLine } from '../core/command-line.ts'
import { FORCED } from '../gateway/project/signals.ts'
import { reasonOf } from '../gateway/project/start-error.ts'
import { type CommandIo, Interrupted, UsageError } from './command.ts'
import { createProgram, PROGRAM } from './program.ts'

/**
 * Runs the command line. An error becomes one line on standard error.
 * @returns the exit status: 0 success, 1 failure, 2 the command line was not understood, 130 interrupted
 */
export async function main(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  let status = 0
  const program = createProgram(io, (result) => {
    status = result
  })
  // `help a b` is `a b --help`: commander's own help command takes one name.
  const [first, ...rest] = args
  const words = first === 'help' && rest.length > 0 ? [...rest, '--help'] : args
  try {
    await program.parseAsync([...words], { from: 'user' })
    return status
  } catch (error) {
    // Commander has printed it.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof Interrupted) {
      io.stderr.write(`${error.message}\n`)
      return FORCED
    }
    return reportError(error, io)
  }
}

/** Prints an error as one line. @returns the exit status: 2 the command line was not understood, else 1 */
export function reportError(error: unknown, io: CommandIo): number {
  io.stderr.write(`${PROGRAM}: ${reasonOf(error)}\n`)
  const isMisuse = error instanceof UsageError
  if (isMisuse) io.stderr.write(`Type  ${commandLine({ cwd: io.cwd })} --help  to see commands and options.\n`)
  else if (io.env.LOG_LEVEL === 'debug' && error instanceof Error) io.stderr.write(`${error.stack}\n`)
  return isMisuse ? 2 : 1
}

/** The streams and the environment of this process. */
export function processIo(): CommandIo {
  // A full disk or a closed pipe emits 'error', which would end the process with a stack trace.
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
  // A reader that stops early, such as `head`, is no error.
  if (code !== 'EPIPE') process.stderr.write(`${PROGRAM}: standard output cannot be written: ${message}\n`)
  // After bin.js has set the status of the command.
  process.once('exit', () => {
    process.exitCode ||= 1
  })
}
