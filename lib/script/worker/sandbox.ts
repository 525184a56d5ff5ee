import { type Prelude, preludeSource } from '../guest/prelude.ts'
import { MEMORY_EXCEEDED } from '../limits.ts'
import type { ModuleSource, Outcome, PreparedContext } from '../protocol.ts'
import { type Completion, type Engine, type Handle, QuickJs } from '../quickjs.ts'
import { PRELUDE } from '../stack.ts'

export interface SandboxHost {
  /** Serves a call of the prelude: JSON in, JSON out. Its errors are thrown in the script. */
  cross(name: string, args: string): string
  /** @throws Error when there is no such module */
  module(name: string): ModuleSource
  /** True stops the running code. */
  interrupt(): boolean
  /** Announces a run of many in one context. True when the previous one has exceeded a limit. */
  next(): boolean
}

export interface SandboxOptions {
  readonly engine: Engine
  readonly host: SandboxHost
}

/** JSON of a list of Ended, and its length. */
export interface Ends {
  readonly ends: string
  readonly count: number
}

/** A sandbox at rest. */
type Snapshot = Pick<PreparedContext, 'fingerprint' | 'image'>

/** Additional memory for the error message when the memory is exhausted. */
const RESERVE_BYTES = 4 * 1024 * 1024
/** The error when there is no memory left for an error. */
const NO_ERROR = '"message":"null"'
const OUT_OF_MEMORY: Outcome = { fault: { kind: 'limit', message: MEMORY_EXCEEDED } }
/** Ended by the interrupt inside the prelude. */
const ENDED: Outcome = { fault: { kind: 'stopped', message: 'it was ended' } }
export const VALID = '[{"value":true}]'
/** The code around an expression: `(()=>(…))`. */
const EXPRESSION = ['(()=>(', '\n))'] as const

/** Runs scripts, each in a context with the prelude and, where prepared, with loaded modules. */
export class Sandbox {
  readonly #host: SandboxHost
  readonly #quickjs: QuickJs
  readonly #entry: Record<keyof Prelude, Handle>
  readonly #bare: Snapshot
  /** After a fault of the engine itself its state cannot be trusted. */
  #broken = false

  private constructor(host: SandboxHost, quickjs: QuickJs) {
    this.#host = host
    this.#quickjs = quickjs
    const prelude = ok(quickjs.evaluate(preludeSource(), PRELUDE))
    const entry = ok(quickjs.call(prelude, this.#crossing(), this.#loader(), this.#starter(), this.#runner()))
    const member = (name: keyof Prelude) => quickjs.member(entry, name)
    this.#entry = {
      begin: member('begin'),
      end: member('end'),
      fail: member('fail'),
      many: member('many'),
      count: member('count'),
      take: member('take'),
      used: member('used'),
      require: member('require'),
      compile: member('compile'),
    }
    this.#bare = { fingerprint: quickjs.fingerprint, image: quickjs.takeImage() }
  }

  static async create({ engine, host }: SandboxOptions): Promise<Sandbox> {
    const interrupt = () => host.interrupt()
    return new Sandbox(host, await QuickJs.create({ engine, interrupt }))
  }

  get isBroken(): boolean {
    return this.#broken
  }

  /** Whether its memory has grown. */
  get isGrown(): boolean {
    return this.#quickjs.isGrown
  }

  /** The modules that were loaded since `enter`, unless the script has hidden them. */
  used(): string[] {
    const names = parsed(this.#guard(() => this.#textFrom(this.#call('used'))))
    return names.filter((name) => typeof name === 'string')
  }

  /** Resets the sandbox, to `context` if it fits. */
  enter(context: Snapshot | undefined, memoryBytes: number): void {
    const fits = context?.fingerprint === this.#bare.fingerprint
    this.#quickjs.putBack(fits ? context.image : this.#bare.image)
    this.#quickjs.limitMemory(memoryBytes)
  }

  /** Only compiles. The result is `VALID`, or the error. */
  check(source: string, name: string): Outcome {
    return this.#guard(() => {
      const { error } = this.#quickjs.compile(source, name)
      return error ? this.#failed(error) : { ends: VALID }
    }, broken)
  }

  /** Runs a script once with the variables in `item`; call `enter` before. */
  run(source: string, name: string, item: string): Outcome {
    return this.#guard(() => {
      const begun = this.#call('begin', this.#quickjs.text(item))
      const { value, error } = begun.error ? begun : this.#quickjs.evaluate(source, name)
      if (error) return this.#failed(error)
      return this.#taken(this.#call('end', value))
    }, broken)
  }

  /**
   * Compiles a script that is an expression, to run it many times in one context; undefined when that is impossible. The
   * function runs it for a list of items; `ended` returns the results of all of them, or of the first ones if they are
   * large. It returns false when the item after those was stopped.
   */
  expression(source: string, name: string): ((items: string) => boolean) | undefined {
    const [before, after] = EXPRESSION
    const made = this.#guard(() => this.#quickjs.evaluate(before + source.replace(/;\s*$/, '') + after, name))
    if (made === undefined || made.error) return undefined
    const { value: run } = made
    return (items) =>
      this.#guard(() => {
        const text = this.#quickjs.text(items)
        const { error } = this.#call('many', run, text)
        // The next items need the memory of this context.
        text.dispose()
        return error === undefined
      }) === true
  }

  ended(): Ends {
    const ends = this.#guard(() => this.#textFrom(this.#call('take')))
    const count = ends === undefined ? 0 : Number(this.#guard(() => this.#textFrom(this.#call('count'))))
    return { ends: ends ?? '[]', count }
  }

  /** Why a run was stopped without exceeding a limit of time or calls. */
  get fault(): Outcome {
    if (this.#broken) return broken('its state is invalid')
    return this.#quickjs.isExhausted ? OUT_OF_MEMORY : ENDED
  }

  /**
   * A context with `modules`: bundled ones are loaded, those of the project only compiled, since they may do anything. Modules
   * that fail or are too large are left out: `require` will report the error.
   */
  prepare(modules: readonly string[], memoryBytes: number): Snapshot | undefined {
    this.enter(undefined, memoryBytes)
    this.#quickjs.clearAround(this.#bare.image)
    return this.#guard(() => {
      for (const name of modules) this.#call(name.startsWith('lib/') ? 'require' : 'compile', this.#quickjs.text(name))
      if (this.#quickjs.isGrown) return undefined
      return { fingerprint: this.#bare.fingerprint, image: this.#quickjs.takeImage() }
    })
  }

  #failed(error: Handle): Outcome {
    const { isExhausted } = this.#quickjs
    this.#quickjs.limitMemory(this.#quickjs.memoryBytes + RESERVE_BYTES)
    const outcome = this.#taken(this.#call('fail', error))
    return isExhausted && 'ends' in outcome && outcome.ends.includes(NO_ERROR) ? OUT_OF_MEMORY : outcome
  }

  /** Takes the results after all pending jobs of promises have run. */
  #taken(completion: Completion): Outcome {
    if (completion.error) return this.fault
    const thrown = this.#quickjs.runJobs()?.error
    if (thrown) this.#call('fail', thrown)
    const ends = this.#textFrom(this.#call('take'))
    return ends === undefined ? ENDED : { ends }
  }

  #call(name: keyof Prelude, ...args: Handle[]): Completion {
    return this.#quickjs.call(this.#entry[name], ...args)
  }

  #textFrom(completion: Completion): string | undefined {
    if (completion.error) return undefined
    const text = this.#quickjs.textOf(completion.value)
    completion.value.dispose()
    return text
  }

  /** A fault of the engine (stack, memory) makes it unusable. */
  #guard<T>(work: () => T): T | undefined
  #guard<T>(work: () => T, otherwise: (message: string) => T): T
  #guard<T>(work: () => T, otherwise?: (message: string) => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#broken = true
      return otherwise?.(error instanceof Error ? error.message : String(error))
    }
  }

  #crossing(): Handle {
    return this.#quickjs.expose('cross', (name, args) => {
      const [call = '', text = ''] = [name, args].map((handle) => handle && this.#quickjs.textOf(handle))
      return this.#quickjs.text(this.#host.cross(call, text))
    })
  }

  #starter(): Handle {
    return this.#quickjs.expose('next', () => (this.#host.next() ? this.#quickjs.text('over') : undefined))
  }

  #loader(): Handle {
    return this.#quickjs.expose('load', (name) => {
      const module = this.#host.module((name && this.#quickjs.textOf(name)) ?? '')
      // On the first line of the source, so that line numbers are not shifted.
      const made = this.#quickjs.evaluate(`(function (exports, module, require) {${module.source}\n})`, module.file)
      if (made.error) throw made.error
      return made.value
    })
  }

  /** For `load`: what the file declares at its top level becomes global. */
  #runner(): Handle {
    return this.#quickjs.expose('run', (name) => {
      const { source, file } = this.#host.module((name && this.#quickjs.textOf(name)) ?? '')
      const { error } = this.#quickjs.evaluate(source, file)
      if (error) throw error
      return undefined
    })
  }
}

const broken = (message: string): Outcome => ({
  fault: { kind: 'broken', message: `it broke the JavaScript engine (${message})` },
})

/** Parses a list. A script may have changed the functions that printed it. */
function parsed(text: string | undefined): unknown[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function ok({ value }: Completion): Handle {
  if (value) return value
  throw new Error('the prelude of the sandbox cannot be run')
}
