/** The messages between the threads and their owner. */
import type { Limits } from './limits.ts'
import type { MemoryImage } from './memory-image.ts'
import type { Engine } from './quickjs.ts'

/** A module as it is loaded into a sandbox. */
export interface ModuleSource {
  /** As in `require`: `dir/name`, `lib/lodash`. */
  readonly name: string
  /** For messages: `script/dir/name.js`. */
  readonly file: string
  readonly source: string
  /** A digest of the source. */
  readonly version: string
}

/** A sandbox at rest with loaded modules. */
export interface PreparedContext {
  /** The names and versions of its modules. */
  readonly key: string
  readonly modules: readonly string[]
  /** Identifies the memory layout: the image fits sandboxes with the same fingerprint. */
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
  /** Whether the runs may share one context; see sharing.ts. */
  readonly isShared: boolean
  readonly limits: Limits
  /** With the modules that the script used last time. */
  readonly context: PreparedContext | undefined
  /** Modules to load before the run where there is no such context yet. */
  readonly modules: readonly string[]
}

/** Something that a script names, and the first line that names it. */
export interface Requirement {
  readonly name: string
  readonly line: number
}

/** The value of a `CompileJob`. */
export interface Requirements {
  /** Of `require`. */
  readonly modules: readonly Requirement[]
  /** Of `load`. */
  readonly files: readonly Requirement[]
  /** Java classes that are not here. */
  readonly classes: readonly Requirement[]
}

export interface CompileJob {
  readonly kind: 'compile'
  readonly code: Code
  readonly memoryBytes: number
}

/** Asks whether runs of a script may share one context. */
export interface AnalyseJob {
  readonly kind: 'analyse'
  readonly code: Code
}

export type Job = RunJob | CompileJob | AnalyseJob

/** Why a script was ended: by a limit, by the owner, or because it broke the engine. */
export interface Fault {
  readonly kind: 'limit' | 'stopped' | 'broken'
  readonly message: string
}

/** The results of the next runs of a job, as JSON of a list of Ended; or the fault of the next one. */
export type Outcome = { readonly ends: string } | { readonly fault: Fault }

/** The answer to a job. With `idle` it includes the message of that name. */
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
  /** The next outcomes of a job, where they are too large to keep until it is done. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[] }
  | Done
  | { readonly kind: 'prepared'; readonly context: PreparedContext }
  /** The thread waits for a job; with `worn` it must be replaced. */
  | { readonly kind: 'idle'; readonly worn: boolean }

export type Reply =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'module'; readonly module: ModuleSource }
  | { readonly kind: 'go' }
  /** The run has exceeded its time; the others of the job continue. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'stop' }

/** The initial data of a thread. */
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
  /** 1: yield the turn to others. */
  yield: 2,
  /** The number of started items of the job. */
  progress: 3,
} as const
export const SIGNALS = 4

/** Identifies a set of modules with their versions. */
export const keyOf = (modules: readonly string[], versionOf: (name: string) => string | undefined): string =>
  modules
    .map((name) => `${name}@${versionOf(name) ?? ''}`)
    .sort()
    .join()
