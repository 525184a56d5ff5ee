import type { Json, JsonObject } from '../../lib/contract.ts'
import type { ResourceException } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { DEFAULT_LIMITS, type Limits } from '../../lib/script/limits.ts'
import { type RunOptions, ScriptEngine, type ScriptEngineOptions } from '../../lib/script/main/engine.ts'
import { defaultPoolSize, type PoolSize } from '../../lib/script/main/pool/pool-size.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'

export const js = (source: string, more: JsonObject = {}): JsonObject => ({ type: 'text/javascript', source, ...more })

export interface Scripting {
  readonly engine: ScriptEngine
  readonly router: ResourceRouter
  readonly log: MemoryLog
  /** What scripts printed. */
  readonly printed: string[]
  /** Compiles and runs a source once. */
  run(source: string, variables?: JsonObject, options?: RunOptions): Promise<Json>
  /** What it is rejected with. */
  failure(source: string, variables?: JsonObject, options?: RunOptions): Promise<ResourceException>
}

/** An engine over a router with a collection at `managed/user`; it closes with its owner. */
export function startScripting(options: Partial<ScriptEngineOptions> = {}): Scripting {
  const router = new ResourceRouter()
  router.add('managed/user', new MemoryCollection())
  const log = memoryLog()
  const printed: string[] = []
  const print = (line: string) => void printed.push(line)
  const engine = new ScriptEngine({ connect: (context) => connect(router, context), print, log, ...options })
  onCleanUp(() => engine.close())
  const run: Scripting['run'] = async (source, variables = {}, runOptions) =>
    engine.run(await engine.compile(js(source), 'test'), variables, runOptions)
  const failure: Scripting['failure'] = async (...args) => {
    const value = await run(...args).catch((error: unknown) => ({ error }))
    if (typeof value === 'object' && value !== null && 'error' in value) return value.error as ResourceException
    throw new Error(`the script had the value ${JSON.stringify(value)}`)
  }
  return { engine, router, log, printed, run, failure }
}

export const limits = (own: Partial<Limits>): Limits => ({ ...DEFAULT_LIMITS, ...own })
export const size = (own: Partial<PoolSize>): PoolSize => ({ ...defaultPoolSize(), ...own })
