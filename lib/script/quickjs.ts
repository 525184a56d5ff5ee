import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core'
import { clearAround, type MemoryImage, putBack, takeImage } from './memory-image.ts'

/** The compiled engine: a WebAssembly.Module, a name that TypeScript knows in browsers only. */
export type Engine = { readonly isEngine?: never }

interface Memory {
  readonly buffer: ArrayBuffer
  /** Adds pages. @returns how many there were; throws when the maximum is exceeded */
  grow(pages: number): number
}

interface Wasm {
  readonly Memory: new (pages: { initial: number; maximum: number }) => Memory
  compile(bytes: Uint8Array): Promise<Engine>
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Wasm }

/** A value inside the engine. */
export type Handle = QuickJSHandle
/** The result of code in the engine. */
export type Completion =
  | { readonly value: Handle; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: Handle }

const PAGE = 65_536
/** Initial memory, 32 MB; only used pages take physical memory. It grows for larger scripts. */
const INITIAL_PAGES = 512
/** Max memory regardless of the limit of a script: 1 GB. */
const MAX_PAGES = 16_384
/** Memory of the engine itself: static data and its stack. */
const OWN_BYTES = 5_500_000
/**
 * Enough for about 2,700 nested calls. The check of the engine has to fail before the stack of the thread overflows (see
 * STACK_MB), which would break the engine.
 */
const STACK_BYTES = 512 * 1024
/** As measured, parsing 50,000 nested brackets takes 6 MB of the thread's stack with STACK_BYTES at 256 KB. */
export const STACK_MB = 16

/** The compiled engine, which threads share. */
export async function compileQuickJs(): Promise<Engine> {
  const file = fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'))
  return WebAssembly.compile(await readFile(file))
}

export interface QuickJsOptions {
  readonly engine: Engine
  /** Called frequently while code runs; true stops it. */
  readonly interrupt: () => boolean
}

/** A JavaScript engine in WebAssembly with one context. Its code can only reach out through `expose`. */
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
      if (this.#isExhausted) throw new RangeError('the memory limit of the script is reached')
      return grow(pages)
    }
    this.#runtime = runtime
    this.#context = context
  }

  static async create({ engine, interrupt }: QuickJsOptions): Promise<QuickJs> {
    const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES })
    // Only loaded in the worker threads: the main thread does not need it.
    const { newQuickJSWASMModuleFromVariant, newVariant } = await import('quickjs-emscripten-core')
    const { default: variant } = await import('@jitl/quickjs-wasmfile-release-sync')
    // For TypeScript it is CommonJS, for Node an ES module.
    const release = 'default' in variant ? variant.default : variant
    const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(release, { wasmModule: engine, wasmMemory }))
    const runtime = quickjs.newRuntime({ maxStackSizeBytes: STACK_BYTES })
    runtime.setInterruptHandler(interrupt)
    return new QuickJs(wasmMemory, runtime, runtime.newContext())
  }

  /** The memory layout: an image fits where this is equal. */
  get fingerprint(): string {
    const { undefined: nothing } = this.#context
    return [this.#memory.buffer.byteLength, nothing.value, ...this.#pointers()].join(':')
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength
  }

  /** Whether the memory has grown; it never shrinks. */
  get isGrown(): boolean {
    return this.memoryBytes > INITIAL_PAGES * PAGE
  }

  /** Whether the last request for memory was refused; then even the error may be missing. */
  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** Only while no code runs. */
  takeImage(): MemoryImage {
    return takeImage(this.#memory.buffer)
  }

  /** Only while no code runs; invalidates handles that are newer than the image. */
  putBack(image: MemoryImage): void {
    putBack(image, this.#memory.buffer)
  }

  /** Clears remains of earlier runs around an image that was put back. */
  clearAround(image: MemoryImage): void {
    clearAround(image, this.#memory.buffer)
  }

  /**
   * The limit of the engine applies to single allocations, since it does not know the used memory in WebAssembly. Therefore
   * the growth of memory is limited, too. Existing memory can be used: a limit below about 25 MB has no effect.
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

  /** Makes a function available in the engine; its errors are thrown there with the same message. */
  expose(name: string, fn: (...args: Handle[]) => Handle | undefined): Handle {
    return this.#context.newFunction(name, (...args) => fn(...args))
  }

  /** Runs pending jobs of promises. @returns the error of a job */
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
