import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core'
import { clearAround, type MemoryImage, putBack, takeImage } from './memory-image.ts'

/** The compiled engine: a WebAssembly.Module, a name that TypeScript knows in browsers only. */
export type Engine = { readonly isEngine?: never }

interface Memory {
  readonly buffer: ArrayBuffer
  /** Adds pages. @returns how many there were; throws when there cannot be so many */
  grow(pages: number): number
}

interface Wasm {
  readonly Memory: new (pages: { initial: number; maximum: number }) => Memory
  compile(bytes: Uint8Array): Promise<Engine>
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Wasm }

/** A value inside the engine. */
export type Handle = QuickJSHandle
/** How something that ran inside came to its end. */
export type Completion =
  | { readonly value: Handle; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: Handle }

const PAGE = 65_536
/** What the engine begins with, 32 MB, of which only what is used takes memory; a larger script makes it grow. */
const INITIAL_PAGES = 512
/** No script may have more than this, whatever its limit says: 1 GB. */
const MAX_PAGES = 16_384
/** What the engine itself has of its memory: static data and its stack. */
const OWN_BYTES = 5_500_000
/**
 * Deep enough for some 2,700 calls. The engine's own check has to strike before the thread's stack ends (see
 * STACK_MB), because that would break the engine.
 */
const STACK_BYTES = 512 * 1024
/** Measured: parsing 50,000 nested brackets takes 6 MB of the thread's stack at 256 KB of ours. */
export const STACK_MB = 16

/** The engine, compiled; threads share it. */
export async function compileQuickJs(): Promise<Engine> {
  const file = fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'))
  return WebAssembly.compile(await readFile(file))
}

export interface QuickJsOptions {
  readonly engine: Engine
  /** Asked all the time while something computes; true stops it. */
  readonly interrupt: () => boolean
}

/** One JavaScript engine in WebAssembly with one context. What happens inside cannot reach out, but by `expose`. */
export class QuickJs {
  readonly #memory: Memory
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  #maxBytes = Number.POSITIVE_INFINITY
  #isExhausted = false

  private constructor(memory: Memory, runtime: QuickJSRuntime, context: QuickJSContext) {
    this.#memory = memory
    const grow = memory.grow.bind(memory)
    memory.grow = (pages) => {
      this.#isExhausted = memory.buffer.byteLength + pages * PAGE > this.#maxBytes
      if (this.#isExhausted) throw new RangeError('the script may have no more')
      return grow(pages)
    }
    this.#runtime = runtime
    this.#context = context
  }

  static async create({ engine, interrupt }: QuickJsOptions): Promise<QuickJs> {
    const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES })
    // Loaded in the threads only: whoever starts them needs nothing of it.
    const { newQuickJSWASMModuleFromVariant, newVariant } = await import('quickjs-emscripten-core')
    const { default: variant } = await import('@jitl/quickjs-wasmfile-release-sync')
    // Seen as CommonJS by TypeScript, as the module it is by Node.
    const release = 'default' in variant ? variant.default : variant
    const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(release, { wasmModule: engine, wasmMemory }))
    const runtime = quickjs.newRuntime({ maxStackSizeBytes: STACK_BYTES })
    runtime.setInterruptHandler(interrupt)
    return new QuickJs(wasmMemory, runtime, runtime.newContext())
  }

  /** Where the engine keeps its state: an image fits where this is equal. */
  get fingerprint(): string {
    const { undefined: nothing } = this.#context
    return [this.#memory.buffer.byteLength, nothing.value, ...this.#pointers()].join(':')
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength
  }

  /** Whether memory is as large as at the beginning; it never shrinks. */
  get isGrown(): boolean {
    return this.memoryBytes > INITIAL_PAGES * PAGE
  }

  /** Whether memory was refused when it was last asked for: then even the error may be missing. */
  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** Nothing may run inside. */
  takeImage(): MemoryImage {
    return takeImage(this.#memory.buffer)
  }

  /** Nothing may run inside; handles made since the image was taken are void. */
  putBack(image: MemoryImage): void {
    putBack(image, this.#memory.buffer)
  }

  /** Clears what is left of earlier runs around an image that was put back. */
  clearAround(image: MemoryImage): void {
    clearAround(image, this.#memory.buffer)
  }

  /**
   * The engine's own limit looks at one allocation only: in WebAssembly it cannot tell what is in use. So memory is
   * kept from growing. What it has already is there to be used: less than some 25 MB is no limit.
   */
  limitMemory(bytes: number): void {
    this.#maxBytes = OWN_BYTES + bytes
    this.#isExhausted = false
    this.#runtime.setMemoryLimit(bytes)
  }

  /** Evaluates in the global scope, in sloppy mode; the value is that of the last statement. */
  evaluate(source: string, file: string): Completion {
    return this.#context.evalCode(source, file, { type: 'global' })
  }

  /** Compiles without running. */
  compile(source: string, file: string): Completion {
    return this.#context.evalCode(source, file, { type: 'global', compileOnly: true })
  }

  call(fn: Handle, ...args: readonly Handle[]): Completion {
    return this.#context.callFunction(fn, this.#context.undefined, [...args])
  }

  text(value: string): Handle {
    return this.#context.newString(value)
  }

  /** @returns undefined for anything but a string */
  textOf(handle: Handle): string | undefined {
    return this.#context.typeof(handle) === 'string' ? this.#context.getString(handle) : undefined
  }

  member(object: Handle, name: string): Handle {
    return this.#context.getProp(object, name)
  }

  /** A function for the inside; what it throws is thrown there, as an error with the same message. */
  expose(name: string, fn: (...args: Handle[]) => Handle | undefined): Handle {
    return this.#context.newFunction(name, (...args) => fn(...args))
  }

  /** Runs what promises wait for. @returns what a job threw */
  runJobs(): Completion | undefined {
    if (!this.#runtime.hasPendingJob()) return undefined
    const result = this.#runtime.executePendingJobs()
    return result.error ? { error: result.error } : undefined
  }

  #pointers(): number[] {
    const probe = this.#context.newString('')
    const pointer = probe.value as unknown as number
    probe.dispose()
    return [pointer, this.#context.global.value as unknown as number]
  }
}
