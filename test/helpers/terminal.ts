/** A terminal (script(1) of util-linux) at which a command runs, and a person who types. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { onCleanUp } from './clean-up.ts'

const SCRIPT = '/usr/bin/script'
const BIN = join(import.meta.dirname, '../../lib/bin.js')

/** False where script(1) is missing or another one, as on macOS. */
export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT)

export const ENTER = '\r'
export const DOWN = '\x1b[B'
export const CTRL_C = '\x03'

export interface TerminalOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** In this order: what is typed when the text appears. */
  readonly answers: readonly (readonly [prompt: string, keys: string])[]
}

/** Runs `openidm-external-idm ARGS` to its end. @returns its status, and what the terminal showed without colours */
export async function typedAtTerminal(
  args: readonly string[],
  { cwd, env, answers }: TerminalOptions,
): Promise<{ readonly code: number | null; readonly output: string; readonly unanswered: readonly string[] }> {
  const command = ['stty cols 200 rows 50;', process.execPath, BIN, ...args].map(quoted).join(' ')
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { cwd, env: { ...process.env, ...env } })
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

const quoted = (word: string): string => (/^[\w./:=;@ -]*;$|^[\w./:=@-]+$/.test(word) ? word : `'${word}'`)
