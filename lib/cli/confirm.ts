import { createInterface } from 'node:readline'
import type { CommandIo } from './command.ts'

/** Asks at the terminal. A terminal that is closed without an answer means no. */
export async function confirmed(question: string, { stdin, stderr }: CommandIo): Promise<boolean> {
  stderr.write(`\n${question} [y/N] `)
  const terminal = createInterface({ input: stdin })
  try {
    for await (const line of terminal) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    terminal.close()
  }
}
