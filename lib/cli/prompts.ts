/** Questions at a terminal. */
import type { Readable, Writable } from 'node:stream'
import { confirm, isCancel, password, select, text } from '@clack/prompts'
import { StartError } from '../gateway/project/start-error.ts'
import type { CommandIo } from './command.ts'

export interface TextQuestion {
  /** Taken for an empty answer. */
  readonly fallback?: string
  /** Shown while there is no answer. */
  readonly example?: string
  /** What is wrong with an answer, in a sentence. */
  readonly fault?: (answer: string) => string | undefined
}

/** Each question throws StartError when it is canceled with Ctrl-C or Ctrl-D. */
export interface Prompts {
  text(message: string, question?: TextQuestion): Promise<string>
  /** Is not shown. */
  secret(message: string): Promise<string>
  confirm(message: string, fallback: boolean): Promise<boolean>
  choose<T extends string>(message: string, choices: Readonly<Record<T, string>>): Promise<T>
}

/** Undefined without a terminal. Standard output stays free for results: questions go to standard error. */
export function terminalPrompts({ stdin, stderr }: CommandIo): Prompts | undefined {
  if (stdin.isTTY !== true) return undefined
  const terminal = { input: stdin as Readable, output: stderr as unknown as Writable, signal: ended(stdin) }
  return {
    async text(message, { fallback = '', example = fallback, fault } = {}) {
      const validate = (answer = '') => fault?.(answer.trim() || fallback)
      const options = { ...terminal, message, placeholder: example, defaultValue: fallback, validate }
      return answered(await text(options)).trim() || fallback
    },
    secret: async (message) =>
      answered(
        await password({ ...terminal, message, validate: (answer = '') => (answer === '' ? 'is needed' : undefined) }),
      ),
    confirm: async (message, fallback) => answered(await confirm({ ...terminal, message, initialValue: fallback })),
    async choose<T extends string>(message: string, choices: Readonly<Record<T, string>>) {
      const options = Object.entries<string>(choices).map(([value, label]) => ({ value, label }))
      return answered(await select({ ...terminal, message, options })) as T
    },
  }
}

/** Aborts on Ctrl-D, at which a question would wait for ever: the input has ended for readline only. */
function ended(stdin: CommandIo['stdin']): AbortSignal {
  const end = new AbortController()
  stdin.on('keypress', (_text: string, key?: { ctrl?: boolean; name?: string }) => {
    if (key?.ctrl === true && key.name === 'd') end.abort()
  })
  return end.signal
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new StartError('canceled: nothing was written')
  return answer as Exclude<T, symbol>
}
