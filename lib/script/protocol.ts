/** What the threads and their owner say to each other. */
import type { Limits } from './limits.ts'
import type { MemoryImage } from './memory-image.ts'
import type { Engine } from './quickjs.ts'

/** A module as it is loaded into a sandbox. */
export interface ModuleSource {
  /** As scripts ask for it: `dir/name`, `lib/lodash`. */
  readonly name: string
  /** For messages: `script/dir/name.js`. */
  readonly file: string
  readonly source: string
  /** Changes with the source. */
  readonly version: string
}

/** A sandbox at rest with modules in it. */
export interface PreparedContext {
  /** The names and versions of its modules. */
  readonly key: string
  readonly modules: readonly string[]
  /** Of the sandbox it was taken from: it fits those that are laid out alike. */
  readonly fingerprint: string
  readonly image: MemoryImage
}

export interface Code {
  /** For messages: `script/endpoints/quota.js`, `managed/user onCreate`. */
  readonly name: string
  readonly source: string
}

/** One script for one or many sets of variables. */
export interface RunJob {
  readonly kind: 'run'
  readonly code: Code
  /** The variables of each run, as JSON of RunVariables. */
  readonly items: readonly string[]
  /** Whether the runs may have one context; see sharing.ts. */
  readonly isShared: boolean
  readonly limits: Limits
  /** With the modules that the script used last time. */
  readonly context: PreparedContext | undefined
  /** To be loaded beforehand where there is no such context yet. */
  readonly modules: readonly string[]
}

export interface CompileJob {
  readonly kind: 'compile'
  readonly code: Code
  readonly memoryBytes: number
}

/** Asks whether runs of a script may have one context. */
export interface AnalyseJob {
  readonly kind: 'analyse'
  readonly code: Code
}

export type Job = RunJob | CompileJob | AnalyseJob

/** Why a script was ended: by a limit, from outside, or because it broke the engine. */
export interface Fault {
  readonly kind: 'limit' | 'stopped' | 'broken'
  readonly message: string
}

/** How the next runs of a job ended: JSON of a list of Ended; or what kept the next one from its end. */
export type Outcome = { readonly ends: string } | { readonly fault: Fault }

/** The answer to a job. With `idle` it says what the message of that name says. */
export interface Done {
  readonly kind: 'done'
  readonly outcomes: readonly Outcome[]
  readonly modules: readonly string[]
  readonly idle: boolean
  readonly worn: boolean
}

/** From a thread to its owner. After `call` and `yield` the thread waits for a `Reply`. */
export type ThreadMessage =
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: string
      /** Which item of the job calls, from 0; where items share a context it is 0 for all. */
      readonly item: number
    }
  | { readonly kind: 'log'; readonly name: string; readonly args: string }
  | { readonly kind: 'yield' }
  /** The next ones of a job, where they are much to keep until it is done. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[] }
  | Done
  | { readonly kind: 'prepared'; readonly context: PreparedContext }
  /** It waits for a job; with `worn` it has to be replaced. */
  | { readonly kind: 'idle'; readonly worn: boolean }

export type Reply =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'module'; readonly module: ModuleSource }
  | { readonly kind: 'go' }
  /** The run waited as long as it may; the others of the job go on. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'stop' }

/** What a thread is started with. */
export interface ThreadData {
  readonly engine: Engine
  /** See Signals. */
  readonly signals: Int32Array<SharedArrayBuffer>
}

/** Places in `ThreadData.signals`. */
export const Signal = {
  /** 1: there is a reply to take. The thread waits on it. */
  wake: 0,
  /** 1: end the script as soon as possible. */
  stop: 1,
  /** 1: others want to compute too. */
  yield: 2,
  /** How many items of the job have begun. */
  progress: 3,
} as const
export const SIGNALS = 4

/** Names a set of modules with their versions. */
export const keyOf = (modules: readonly string[], versionOf: (name: string) => string | undefined): string =>
  modules
    .map((name) => `${name}@${versionOf(name) ?? ''}`)
    .sort()
    .join()
