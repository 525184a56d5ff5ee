import type { Disposable, Json, JsonObject } from '../../contract.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import { internalError, toResourceException } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { DEFAULT_LIMITS, exceeded, type Limits } from '../limits.ts'
import {
  type AnalyseJob,
  type Code,
  type CompileJob,
  keyOf,
  type Outcome,
  type PreparedContext,
  type Requirements,
  type RunJob,
} from '../protocol.ts'
import { ScriptException, stoppedException } from '../script-exception.ts'
import { type Batch, batches } from './batches.ts'
import { KeptNumbers } from './kept-numbers.ts'
import { librariesIn } from './libraries.ts'
import { Modules } from './modules.ts'
import { nesting } from './nesting.ts'
import { type ScriptFacts, scriptOutcomes } from './outcome.ts'
import { Pool } from './pool/pool.ts'
import { defaultPoolSize } from './pool/pool-size.ts'
import { requireAll, requiredFiles } from './requirements.ts'
import { itemOf } from './run-item.ts'
import { parseScript, versionOf } from './script.ts'
import { ScriptFiles } from './script-files.ts'
import { ScriptHost } from './script-host.ts'
import { ScriptMetrics } from './script-metrics.ts'
import type {
  ManyOptions,
  RunOptions,
  Script,
  ScriptEngineOptions,
  ScriptEngineSettings,
  ScriptOutcome,
  ScriptResult,
  ScriptService,
} from './service.ts'

export type * from './service.ts'
export { scriptsService } from './service.ts'

/** Runs JavaScript in sandboxes in worker threads. */
export class ScriptEngine implements ScriptService, Disposable {
  readonly #options: ScriptEngineOptions
  readonly #pool: Pool
  readonly #metrics: ScriptMetrics
  /** Contexts with modules loaded, for the next runs; all threads share them. */
  readonly #contexts = new LRUCache<string, PreparedContext>({
    maxSize: MAX_CONTEXT_BYTES,
    sizeCalculation: ({ image }) => image.bytes.byteLength,
  })
  /** The modules that a script used last time, by the version of its source. */
  readonly #usedModules = new LRUCache<string, readonly string[]>({ max: MAX_REMEMBERED })
  /** What sources that are known to compile require, by their version. */
  readonly #compiling = new LRUCache<string, Requirements>({ max: MAX_REMEMBERED })
  /** Whether runs of a script may share one context, by the version of its source. */
  readonly #sharing = new LRUCache<string, Promise<boolean>>({ max: MAX_REMEMBERED })
  #settings: ScriptEngineSettings
  #files: ScriptFiles
  #modules: Modules

  constructor(options: ScriptEngineOptions) {
    this.#options = options
    this.#settings = {
      directories: options.directories ?? [],
      watch: options.watch ?? true,
      limits: options.limits ?? DEFAULT_LIMITS,
      size: options.size ?? defaultPoolSize(),
      showPlaces: options.showPlaces ?? false,
    }
    this.#pool = new Pool({ size: this.#settings.size, log: options.log })
    this.#metrics = new ScriptMetrics(options.metrics, () => this.load)
    this.#files = this.#openFiles()
    this.#modules = new Modules(this.#files)
  }

  /** The number of threads, and of running and waiting scripts. */
  get load(): { readonly threads: number; readonly scripts: number } {
    return { threads: this.#pool.threads, scripts: this.#pool.tasks }
  }

  get limits(): Limits {
    return this.#settings.limits
  }

  /** Changes settings for all scripts that start from now on. */
  async configure(settings: Partial<ScriptEngineSettings>): Promise<void> {
    this.#settings = { ...this.#settings, ...settings }
    this.#pool.resize(this.#settings.size)
    const before = this.#files
    this.#files = this.#openFiles()
    this.#modules = new Modules(this.#files)
    await before.dispose()
  }

  async compile(script: Json, name = 'script'): Promise<Script> {
    const definition = parseScript(script)
    const { code } = definition
    if ('source' in code) {
      await this.#check({ name, source: code.source })
      return { name, definition }
    }
    const file = this.#files.read(code.file)
    await this.#check(file)
    this.#files.accept(file)
    return { name: file.name, definition }
  }

  async compileWhole(script: Json, name = 'script'): Promise<Script> {
    const compiled = await this.compile(script, name)
    const { variables, bindings } = compiled.definition
    const known = [...Object.keys(variables), ...bindings.map(({ binding }) => binding)]
    const code = this.#codeOf(compiled)
    await requireAll(code, await this.#check(code), known, {
      find: (module) => this.#modules.onDisk(module),
      check: (file) => this.#check(file),
    })
    return compiled
  }

  async filesOf(script: Json): Promise<ReadonlyMap<string, string>> {
    const { code, variables, bindings } = parseScript(script)
    const own = 'source' in code ? { name: '', source: code.source } : this.#files.current(code.file)
    const known = [...Object.keys(variables), ...bindings.map(({ binding }) => binding)]
    return requiredFiles(own, known, {
      find: (module) => this.#modules.inForce(module),
      check: (file) => this.#check(file),
    })
  }

  async run(script: Script, variables: JsonObject, options: RunOptions = {}): Promise<Json> {
    return (await this.runAndRead(script, variables, [], options)).value
  }

  async runAndRead(
    script: Script,
    variables: JsonObject,
    read: readonly string[],
    options: RunOptions = {},
  ): Promise<ScriptResult> {
    const [outcome] = await this.runMany(script, [variables], { ...options, read })
    if (!outcome) throw internalError(`The script ${script.name} has no result`)
    if ('error' in outcome) throw outcome.error
    return outcome
  }

  async runMany(script: Script, variables: readonly JsonObject[], options: ManyOptions = {}): Promise<ScriptOutcome[]> {
    const begin = performance.now()
    const code = this.#codeOf(script)
    const limits = { ...this.#settings.limits, ...options.limits }
    const signal = options.signal ?? options.context?.signal
    // Runs in one context cannot be told apart, but each has its own recorder.
    const isShared = variables.length > 1 && !options.recorders && (await this.#mayShare(code))
    const kept = new KeptNumbers()
    const outcomes: ScriptOutcome[] = []
    const item = (index: number): string | undefined => {
      const text = kept.textOfRun(index, itemOf(script.definition, variables[index] ?? {}, options))
      if (text.length <= limits.transferLength) return text
      outcomes[index] = { error: stoppedException({ kind: 'limit', message: exceeded.variables(limits) }, code.name) }
      return undefined
    }
    const parallel = Math.max(1, Math.min(options.parallel ?? 1, variables.length))
    const all = batches({ count: variables.length, item, parallel })
    const work = async (): Promise<void> => {
      for (const batch of all) {
        const recorders = options.recorders?.slice(batch.start, batch.start + batch.items.length)
        const own = await this.#outcomesOf(
          { ...batch, code, isShared, limits, kept },
          { ...options, signal, recorders },
        )
        for (const [place, outcome] of own.entries()) outcomes[batch.start + place] = outcome
      }
    }
    await Promise.all(Array.from({ length: parallel }, work))
    this.#metrics.ended(outcomes, begin)
    return outcomes
  }

  readonly dispose = (): Promise<void> => this.close()

  /** Ends all scripts and threads. */
  async close(): Promise<void> {
    await this.#metrics.dispose()
    await this.#files.dispose()
    await this.#pool.close()
  }

  /** The outcomes of one batch. A failed batch does not affect others, unless the caller has canceled all. */
  async #outcomesOf(given: Given, options: ManyOptions): Promise<ScriptOutcome[]> {
    const { code, items, kept, start: firstRun } = given
    try {
      const outcomes = await this.#execute(given, options)
      return scriptOutcomes(outcomes, items.length, { ...this.#facts(code.name), kept, firstRun })
    } catch (error) {
      options.signal?.throwIfAborted()
      return items.map(() => ({ error: toResourceException(error) }))
    }
  }

  async #execute({ code, items, isShared, limits, kept }: Given, options: ManyOptions): Promise<readonly Outcome[]> {
    const version = versionOf(code.source)
    const modules = this.#usedModules.get(version) ?? librariesIn(code.source)
    const context = this.#contexts.get(keyOf(modules, (name) => this.#modules.versionOf(name)))
    const job: RunJob = { kind: 'run', code, items, isShared, limits, context, modules }
    const depth = nesting.next(this.#settings.size.depth)
    const { log, secrets, server, connect, print = printLine } = this.#options
    const host = new ScriptHost({ script: code.name, depth, limits, log, print, secrets, server, connect, kept })
    const callerOf = (item: number): RequestContext => {
      const recorder = options.recorders?.[item] ?? options.context?.recorder
      return { ...options.context, ...(recorder && { recorder }) }
    }
    const answer = await this.#pool.run({
      job,
      depth,
      limits,
      signal: options.signal,
      serve: ({ name, args, item }, signal) => host.serve(name, args, { ...callerOf(item), signal }, this.#modules),
      tell: (name, args) => host.tell(name, args),
      keep: (prepared) => this.#contexts.set(prepared.key, prepared),
    })
    this.#usedModules.set(version, answer.modules)
    return answer.outcomes
  }

  #facts(name: string): ScriptFacts {
    return { name, showPlaces: this.#settings.showPlaces }
  }

  #codeOf({ name, definition: { code } }: Script): Code {
    return 'source' in code ? { name, source: code.source } : this.#files.current(code.file)
  }

  /** @throws ResourceException 400 with the place of the fault */
  async #check({ name, source }: Code): Promise<Requirements> {
    const version = versionOf(source)
    const known = this.#compiling.get(version)
    if (known) return known
    const { limits } = this.#settings
    const outcomes = await this.#ask({ kind: 'compile', code: { name, source }, memoryBytes: limits.memoryBytes })
    const [outcome] = scriptOutcomes(outcomes, 1, this.#facts(name))
    if (outcome && 'error' in outcome) throw new ScriptException('syntax', 400, outcome.error.message)
    const requirements = outcome?.value as unknown as Requirements
    this.#compiling.set(version, requirements)
    return requirements
  }

  /** Whether runs of a script may share one context; false when that cannot be determined. */
  #mayShare(code: Code): Promise<boolean> {
    const version = versionOf(code.source)
    const known = this.#sharing.get(version)
    if (known) return known
    const asked = this.#ask({ kind: 'analyse', code }).then(
      ([outcome]) => outcome !== undefined && 'ends' in outcome && outcome.ends === '[{"value":true}]',
      () => {
        this.#sharing.delete(version)
        return false
      },
    )
    this.#sharing.set(version, asked)
    return asked
  }

  async #ask(job: CompileJob | AnalyseJob): Promise<readonly Outcome[]> {
    const { outcomes } = await this.#pool.run({
      job,
      depth: nesting.next(this.#settings.size.depth),
      limits: this.#settings.limits,
      signal: undefined,
      serve: () => Promise.reject(new Error('scripts are not called while they are analysed')),
      tell: () => undefined,
      keep: () => undefined,
    })
    return outcomes
  }

  #openFiles(): ScriptFiles {
    const { directories, watch } = this.#settings
    return new ScriptFiles({
      directories,
      watch,
      check: async (file) => void (await this.#check(file)),
      log: this.#options.log,
    })
  }
}

interface Given extends Batch, Pick<RunJob, 'code' | 'isShared' | 'limits'> {
  readonly kept: KeptNumbers
}

/** Versions of sources about which something is remembered. */
const MAX_REMEMBERED = 1000
/** All prepared contexts together; one with lodash has 3 MB. */
const MAX_CONTEXT_BYTES = 64 * 1024 * 1024

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)
