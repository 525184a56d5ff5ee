import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationFault, ConfigurationFaults, Disposable } from '../contract.ts'
import type { Awaitable } from './awaitable.ts'
import { SerialQueue } from './serial-queue.ts'

/** How the members of a set come into force and go. `key` is for messages. */
export interface ConfiguredSetOptions<Input, Value> {
  /** @returns what is wrong with an input; an error that it throws is the one fault */
  validate?(input: Input, key: string): Awaitable<ConfigurationFaults>
  /**
   * Builds a value beside the one in force. It has no effect yet.
   * @param last the last good value, which stays in force when this one fails
   * @throws why it cannot be built; InvalidInput for faults with their places
   */
  provision(input: Input, key: string, last: Value | undefined): Awaitable<Value>
  /** What stands in for an input with faults as long as there is no good value. Default: nothing. */
  fallback?(input: Input, key: string, faults: ConfigurationFaults): Awaitable<Value | undefined>
  /**
   * Takes `old` out of force and puts `value` in its place, without waiting.
   * @throws why not; `old` is in force then
   */
  swap?(value: Value | undefined, old: Value | undefined, key: string): void
  /** Releases a value that is not in force any more, or never was. */
  cleanUp?(value: Value): void
  /** Called after each change of a value or of the faults: the place to log them. An absent entry was removed. */
  onChange?(key: string, entry: ConfiguredEntry<Input, Value> | undefined, old: typeof entry): void
  /** Whether a value made from one input serves for the other. Default: deep equality. */
  isSame?(one: Input, other: Input): boolean
}

export interface ConfiguredEntry<Input, Value> {
  /** The newest input, whatever is wrong with it. */
  readonly input: Input
  /** In force: of the newest input, of the last good one, or the fallback. */
  readonly value: Value | undefined
  /** What the last good value was made from; absent while there is none. */
  readonly good: { readonly input: Input } | undefined
  /** What keeps the newest input from being in force; empty when nothing does. */
  readonly faults: ConfigurationFaults
  /** When value or faults changed last. */
  readonly since: Date
}

/** Thrown by a `provision` that finds the faults of its input itself. */
export class InvalidInput extends Error {
  readonly faults: ConfigurationFaults

  constructor(faults: ConfigurationFaults) {
    super('the input has faults')
    this.faults = faults
  }
}

interface Built<Value> {
  readonly value?: Value | undefined
  readonly faults: ConfigurationFaults
  /** The value in force stays. */
  readonly isKept?: boolean
}

/**
 * Values that follow configuration, by key. A new complete set of inputs is compared with what is there; what has
 * changed is validated and provisioned, all of it is swapped in one step, and only then what was replaced is cleaned
 * up. An input with a fault leaves its last good value in force and does not stop the others.
 */
export class ConfiguredSet<Input, Value> implements Disposable {
  readonly #options: ConfiguredSetOptions<Input, Value>
  #entries: ReadonlyMap<string, ConfiguredEntry<Input, Value>> = new Map()
  #values: readonly Value[] = []
  readonly #queue = new SerialQueue()
  #retry: Promise<void> | undefined
  #isClosed = false

  constructor(options: ConfiguredSetOptions<Input, Value>) {
    this.#options = options
  }

  /** In the order of the newest set. */
  get entries(): ReadonlyMap<string, ConfiguredEntry<Input, Value>> {
    return this.#entries
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)?.value
  }

  /** Those in force. The same array until something changes. */
  get values(): readonly Value[] {
    return this.#values
  }

  /** Resolves when `inputs` are in force, or their faults are known. Inputs with faults are judged again each time. */
  apply(inputs: ReadonlyMap<string, Input>): Promise<void> {
    return this.#queue.add(() => this.#apply(inputs))
  }

  /** Judges the inputs with faults again: what they lacked may be there by now. Calls share one that has not begun. */
  retry(): Promise<void> {
    this.#retry ??= this.#queue.add(async () => {
      this.#retry = undefined
      const entries = [...this.#entries]
      if (entries.some(([, { faults }]) => faults.length > 0))
        await this.#apply(new Map(entries.map(([key, { input }]) => [key, input])))
    })
    return this.#retry
  }

  /** Takes everything out of force at once; resolves when nothing is being provisioned any more. */
  dispose(): Promise<void> {
    this.#isClosed = true
    this.#commit(new Map())
    return this.#queue.idle()
  }

  async #apply(inputs: ReadonlyMap<string, Input>): Promise<void> {
    if (this.#isClosed) return
    const builds = [...inputs].map(
      async ([key, input]) => [key, { input, built: await this.#build(key, input) }] as const,
    )
    const next = new Map(await Promise.all(builds))
    if (!this.#isClosed) return this.#commit(next)
    for (const { built } of next.values()) this.#cleanUp(built.value)
  }

  async #build(key: string, input: Input): Promise<Built<Value>> {
    const { validate, provision, fallback } = this.#options
    const old = this.#entries.get(key)
    if (old?.good && this.#isSame(old.good.input, input)) return { faults: [], isKept: true }
    let faults: ConfigurationFaults
    try {
      faults = (await validate?.(input, key)) ?? []
      if (faults.length === 0) return { value: await provision(input, key, old?.good && old.value), faults }
    } catch (error) {
      faults = error instanceof InvalidInput ? error.faults : [faultOf(error)]
    }
    const isKnown = old && isDeepStrictEqual(old.faults, faults) && this.#isSame(old.input, input)
    if (old?.good || isKnown) return { faults, isKept: true }
    try {
      return { value: await fallback?.(input, key, faults), faults }
    } catch (error) {
      return { faults: [...faults, faultOf(error)] }
    }
  }

  /** Without waiting: a reader sees the old set or the new one. */
  #commit(next: ReadonlyMap<string, { readonly input: Input; readonly built: Built<Value> }>): void {
    const before = this.#entries
    const after = new Map<string, ConfiguredEntry<Input, Value>>()
    const gone = [...before].filter(([key]) => !next.has(key))
    for (const [key, { value }] of gone) if (value !== undefined) this.#options.swap?.(undefined, value, key)
    for (const [key, { input, built }] of next) after.set(key, this.#settle(key, input, built))
    this.#entries = after
    this.#values = [...after.values()].flatMap(({ value }) => (value === undefined ? [] : [value]))
    for (const key of new Set([...gone.map(([key]) => key), ...after.keys()])) {
      const [entry, old] = [after.get(key), before.get(key)]
      if (old?.value !== entry?.value) this.#cleanUp(old?.value)
      if (entry?.since !== old?.since) this.#options.onChange?.(key, entry, old)
    }
  }

  #settle(key: string, input: Input, built: Built<Value>): ConfiguredEntry<Input, Value> {
    const old = this.#entries.get(key)
    const entry = { value: undefined, good: undefined, ...old, input, ...this.#swap(key, input, built) }
    const isKnown = old && old.value === entry.value && isDeepStrictEqual(old.faults, entry.faults)
    return { ...entry, since: isKnown ? old.since : new Date() }
  }

  /** What changes of the entry. */
  #swap(key: string, input: Input, { value, faults, isKept }: Built<Value>) {
    const old = this.get(key)
    if (isKept) return faults.length > 0 ? { faults } : { faults, good: { input } }
    try {
      if (value !== undefined || old !== undefined) this.#options.swap?.(value, old, key)
      return { value, good: faults.length > 0 ? undefined : { input }, faults }
    } catch (error) {
      this.#cleanUp(value)
      return { faults: [...faults, faultOf(error)] }
    }
  }

  #cleanUp(value: Value | undefined): void {
    if (value !== undefined) this.#options.cleanUp?.(value)
  }

  #isSame(one: Input, other: Input): boolean {
    return (this.#options.isSame ?? isDeepStrictEqual)(one, other)
  }
}

const faultOf = (error: unknown): ConfigurationFault => ({
  pointer: [],
  reason: error instanceof Error ? error.message : String(error),
})
