import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { utf8Text } from '../core/utf8.ts'
import { StartError } from '../gateway/project/start-error.ts'
import type { CommandIo } from './command.ts'

/** Reads a secret from standard input: all of it but one line break at its end; at a terminal one line, unseen. */
export async function readSecret({ stdin, stderr }: CommandIo): Promise<string> {
  if (stdin.isTTY) return askUnseen(stdin, stderr)
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  const text = utf8Text(Buffer.concat(chunks))
  if (text === undefined) throw new StartError('the secret on standard input is not UTF-8 text')
  return text.replace(/\r?\n$/, '')
}

async function askUnseen(stdin: CommandIo['stdin'], stderr: CommandIo['stderr']): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true })
  stderr.write('The secret (it is not shown): ')
  try {
    return await terminal.question('')
  } finally {
    stderr.write('\n')
    terminal.close()
  }
}
