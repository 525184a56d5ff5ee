/** A terminal (script(1) of util-linux) at which a command runs, and a person who types. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { onCleanUp } from './clean-up.ts'

const SCRIPT = '/usr/bin/script'
export const BIN = join(import.meta.dirname, '../../lib/bin.js')

/** False where script(1) is missing or another one, as on macOS. */
export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT)

export const ENTER = '\r'
export const DOWN = '\x1b[B'
export const CTRL_C = '\x03'
export const CTRL_D = '\x04'

export interface TerminalOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** In this order: what is typed when the text appears. */
  readonly answers: readonly (readonly [prompt: string, keys: string])[]
}

export interface Typed {
  readonly code: number | null
  /** Without colours. */
  readonly output: string
  /** Prompts that did not appear. */
  readonly unanswered: readonly string[]
}

/** Runs `openidm-external-idm ARGS` to its end. */
export const typedAtTerminal = (args: readonly string[], options: TerminalOptions): Promise<Typed> =>
  atTerminal([process.execPath, BIN, ...args].map(quoted).join(' '), options)

/** Runs a command of a shell to its end. */
export async function atTerminal(command: string, { cwd, env, answers }: TerminalOptions): Promise<Typed> {
  const sized = `stty cols 200 rows 50; ${command}`
  // The same shell on all machines: others differ in what a signal to both ends.
  const child = spawn(SCRIPT, ['-qec', sized, '/dev/null'], { cwd, env: { ...process.env, ...env, SHELL: '/bin/sh' } })
  onCleanUp(() => child.kill())
  const waiting = [...answers]
  let output = ''
  let answeredUpTo = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = stripVTControlCharacters(output + text)
    for (let [next] = waiting; next; [next] = waiting) {
      const [prompt, keys] = next
      const at = output.indexOf(prompt, answeredUpTo)
      if (at < 0) return
      answeredUpTo = at + prompt.length
      waiting.shift()
      child.stdin.write(keys)
    }
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output: output.replaceAll('\r', ''), unanswered: waiting.map(([prompt]) => prompt) }
}

const quoted = (word: string): string => `'${word}'`
