/** What a command of `openidm-external-idm` is. Each command is one file in commands/. */

/** Where a command reads from and writes to. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

export interface CommandOption {
  /** What the value is called in the help, such as `DIR`; absent for a switch. */
  readonly value?: string
  readonly description: string
  /** May be given several times. */
  readonly multiple?: boolean
}

/** Options and operands as they were given. */
export class OptionValues {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #operands: readonly string[]

  constructor(values: Readonly<Record<string, unknown>>, operands: readonly string[] = []) {
    this.#values = values
    this.#operands = operands
  }

  /** By its place; all that a command names are there. */
  operand(index: number): string {
    return this.#operands[index] ?? ''
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  texts(name: string): string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** @throws UsageError when the option was not given */
  required(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new UsageError(`--${name} is missing`)
    return value
  }

  /** @throws UsageError when it is no whole number from 1 to `most` */
  count(name: string, most: number): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (/^[1-9]\d{0,5}$/.test(value) && Number(value) <= most) return Number(value)
    throw new UsageError(`--${name}: must be a whole number from 1 to ${most}, found ${JSON.stringify(value)}`)
  }

  /** @throws UsageError when it is no port */
  port(name: string): number | undefined {
    const value = this.text(name)
    return value === undefined ? undefined : parsePort(`--${name}`, value)
  }
}

/** @throws UsageError naming `source` when `text` is no port */
export function parsePort(source: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`${source}: must be a port from 0 (a free one) to 65535, found ${JSON.stringify(text)}`)
}

export interface Command {
  /** One word, or two for a command of a group: `trust add`. */
  readonly name: string
  /** What must follow the name, as the help calls it: `ALIAS`, `FILE`. */
  readonly operands?: readonly string[]
  /** One line, shown in the list of commands. */
  readonly summary: string
  /** Lines shown below the options. */
  readonly notes?: string
  readonly options: Readonly<Record<string, CommandOption>>
  /** @returns the exit status */
  run(values: OptionValues, io: CommandIo): Promise<number>
}

/** The command line was not understood: exit status 2. */
export class UsageError extends Error {}
