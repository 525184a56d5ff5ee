import type { Disposable, Json, JsonObject, Logger } from '../contract.ts'
import type { Connection } from '../crest/connection.ts'
import { internalError } from '../crest/errors.ts'
import type { RequestContext } from '../crest/request.ts'
import { contextVariable } from './context-variable.ts'
import type { ServerProperties } from './identity-server.ts'
import { KnownModules } from './known-modules.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { Modules } from './modules.ts'
import { nesting } from './nesting.ts'
import { type ScriptFacts, scriptOutcomes } from './outcome.ts'
import { Pool } from './pool.ts'
import { defaultPoolSize, type PoolSize } from './pool-size.ts'
import { PreparedContexts } from './prepared-contexts.ts'
import { type Code, keyOf, type RunJob } from './protocol.ts'
import { requestVariable } from './request-variable.ts'
import { parseScript, type ScriptDefinition, versionOf } from './script.ts'
import { ScriptException } from './script-exception.ts'
import { ScriptFiles } from './script-files.ts'
import { ScriptHost } from './script-host.ts'
import type { ScriptSecrets } from './secrets.ts'
import type { RunOptions, Script, ScriptOutcome, ScriptResult, ScriptService } from './service.ts'

export type { RunOptions, Script, ScriptOutcome, ScriptResult, ScriptService } from './service.ts'
export { scriptsService } from './service.ts'

/** What can be changed while the engine is in service. */
export interface ScriptEngineSettings {
  /** Absolute directories of script files; the first one that has a file counts. */
  readonly directories: readonly string[]
  /** Whether changes of files are taken up. */
  readonly watch: boolean
  readonly limits: Limits
  readonly size: PoolSize
  /** Whether messages to callers say in which file and line. */
  readonly showPlaces: boolean
}

export interface ScriptEngineOptions extends Partial<ScriptEngineSettings> {
  /** In-process access to resources, in the name of whoever `context` says. */
  readonly connect: (context: RequestContext) => Connection
  readonly secrets?: ScriptSecrets
  readonly server?: ServerProperties
  /** Takes what scripts print with `console.log`. Default: standard output. */
  readonly print?: (line: string) => void
  readonly log: Logger
}

/** Runs JavaScript in a sandbox, in threads of its own. */
export class ScriptEngine implements ScriptService, Disposable {
  readonly #options: ScriptEngineOptions
  readonly #pool: Pool
  readonly #contexts = new PreparedContexts()
  readonly #known = new KnownModules()
  /** The versions of sources that are known to compile. */
  readonly #compiling = new Set<string>()
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
    this.#files = this.#openFiles()
    this.#modules = new Modules(this.#files)
  }

  /** How many threads there are, and how many scripts run or wait. */
  get load(): { readonly threads: number; readonly scripts: number } {
    return { threads: this.#pool.threads, scripts: this.#pool.tasks }
  }

  get limits(): Limits {
    return this.#settings.limits
  }

  /** Takes other settings into force, for all scripts that begin from now on. */
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

  async runMany(
    script: Script,
    variables: readonly JsonObject[],
    options: RunOptions & { readonly read?: readonly string[] } = {},
  ): Promise<ScriptOutcome[]> {
    if (variables.length === 0) return []
    const code = this.#codeOf(script)
    const limits = { ...this.#settings.limits, ...options.limits }
    const items = variables.map((own) => itemOf(script.definition, own, options))
    const tooLong = items.find(({ length }) => length > limits.transferLength)
    if (tooLong) throw internalError(`The script ${code.name}: its variables are longer than ${limits.transferLength}`)
    const outcomes = await this.#execute(code, items, limits, options)
    return scriptOutcomes(outcomes, items.length, this.#facts(code.name))
  }

  dispose(): Promise<void> {
    return this.close()
  }

  /** Ends all scripts and threads. */
  async close(): Promise<void> {
    await this.#files.dispose()
    await this.#pool.close()
  }

  async #execute(code: Code, items: readonly string[], limits: Limits, options: RunOptions) {
    const version = versionOf(code.source)
    const modules = this.#known.of(version, code.source)
    const context = this.#contexts.get(keyOf(modules, (name) => this.#modules.versionOf(name)))
    const job: RunJob = { kind: 'run', code, items, limits, context, modules }
    const depth = nesting.next(this.#settings.size.depth)
    const { log, secrets, server, connect, print = printLine } = this.#options
    const host = new ScriptHost({ script: code.name, depth, limits, log, print, secrets, server, connect })
    const caller = options.context ?? {}
    const answer = await this.#pool.run({
      job,
      depth,
      computeMs: limits.computeMs,
      wallMs: limits.wallMs,
      signal: options.signal ?? caller.signal,
      serve: (name, args, signal) => host.serve(name, args, { ...caller, signal }, this.#modules),
      tell: (name, args) => host.tell(name, args),
      keep: (prepared) => this.#contexts.keep(prepared),
    })
    this.#known.note(version, answer.modules)
    return answer.outcomes
  }

  #facts(name: string): ScriptFacts {
    return { name, showPlaces: this.#settings.showPlaces }
  }

  #codeOf({ name, definition: { code } }: Script): Code {
    return 'source' in code ? { name, source: code.source } : this.#files.current(code.file)
  }

  /** @throws ResourceException 400 with the place of the fault */
  async #check({ name, source }: Code): Promise<void> {
    const version = versionOf(source)
    if (this.#compiling.has(version)) return
    const { memoryBytes, computeMs, wallMs } = this.#settings.limits
    const { outcomes } = await this.#pool.run({
      job: { kind: 'compile', code: { name, source }, memoryBytes },
      depth: nesting.next(this.#settings.size.depth),
      computeMs,
      wallMs,
      signal: undefined,
      serve: () => Promise.reject(new Error('nothing is called while a script is compiled')),
      tell: () => undefined,
      keep: () => undefined,
    })
    const [outcome] = scriptOutcomes(outcomes, 1, this.#facts(name))
    if (outcome && 'error' in outcome) throw new ScriptException('syntax', 400, outcome.error.message)
    this.#compiling.add(version)
    const [oldest] = this.#compiling
    if (this.#compiling.size > MOST_COMPILING && oldest !== undefined) this.#compiling.delete(oldest)
  }

  #openFiles(): ScriptFiles {
    const { directories, watch } = this.#settings
    return new ScriptFiles({ directories, watch, check: (file) => this.#check(file), log: this.#options.log })
  }
}

const MOST_COMPILING = 1000

/** Made many at a time: one by one they cost more than all else here. */
const seeds = new Uint32Array(1024)
let nextSeedAt = seeds.length

function nextSeed(): number[] {
  if (nextSeedAt >= seeds.length) {
    crypto.getRandomValues(seeds)
    nextSeedAt = 0
  }
  nextSeedAt += 4
  return [...seeds.subarray(nextSeedAt - 4, nextSeedAt)]
}

const printLine = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function itemOf(
  { variables, bindings }: ScriptDefinition,
  own: JsonObject,
  { context, request, aliases, read }: RunOptions & { readonly read?: readonly string[] },
): string {
  return JSON.stringify({
    seed: nextSeed(),
    variables: { ...variables, ...own, ...(context && { context: contextVariable(context) }) },
    ...(aliases && { aliases }),
    ...(request && { request: requestVariable(request) }),
    ...(bindings.length > 0 && { bindings }),
    ...(read && read.length > 0 && { read }),
  })
}
