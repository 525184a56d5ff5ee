import type { makeModules } from './modules.ts'
import type { makeOpenidm } from './openidm.ts'

/** What a script is given for one run. */
export interface RunVariables {
  readonly seed: readonly number[]
  /** By name. */
  readonly variables: Readonly<Record<string, unknown>>
  /** The request that triggered the script; its `queryFilter` as text. */
  readonly request?: { queryFilter?: unknown }
  readonly bindings?: readonly { readonly resource: string; readonly version?: string; readonly binding: string }[]
  /** Variables whose state is asked for at the end. */
  readonly read?: readonly string[]
}

/** A thrown value as it leaves the sandbox. */
export interface Thrown {
  readonly kind: 'error' | 'object' | 'value'
  /** `Error: boom`, or what was thrown as text. */
  readonly message: string
  readonly name?: string
  readonly code?: unknown
  readonly reason?: unknown
  readonly detail?: unknown
  readonly stack?: string
}

export interface EntryParts {
  readonly global: Record<string, unknown>
  readonly bind: ReturnType<typeof makeOpenidm>['bind']
  readonly used: ReturnType<typeof makeModules>['used']
  readonly seed: (values: readonly number[]) => void
  readonly QueryFilter: new (text: string) => object
}

/** What the engine calls before and after a script: `begin`, then `end` with its value or `fail` with what it threw. */
export function makeEntry({ global, bind, used, seed, QueryFilter }: EntryParts) {
  const { parse, stringify } = JSON
  const { defineProperty, getOwnPropertyNames, hasOwn } = Object
  const { deleteProperty } = Reflect
  const toText = String
  let kept: Record<string, unknown> = {}
  let isKept = false
  let defined: readonly string[] = []
  let awaited: { value?: unknown; error?: unknown } | undefined

  const define = (name: string, value: unknown): void => {
    defineProperty(global, name, { value, writable: true, enumerable: true, configurable: true })
  }

  const begin = (text: string): void => {
    const { seed: values, variables, request, bindings = [], read } = parse(text) as RunVariables
    for (const name of defined) if (!hasOwn(variables, name)) deleteProperty(global, name)
    seed(values)
    defined = getOwnPropertyNames(variables)
    for (const name of defined) define(name, variables[name])
    for (const { resource, version, binding } of bindings) define(binding, bind(resource, version))
    if (request) {
      if (typeof request.queryFilter === 'string') request.queryFilter = new QueryFilter(request.queryFilter)
      define('request', request)
    }
    kept = {}
    isKept = read !== undefined
    for (const name of read ?? []) kept[name] = global[name]
  }

  const finish = (value: unknown): string =>
    stringify(isKept ? { value: value ?? null, variables: kept } : { value: value ?? null })

  /** Undefined when the value is a promise: `settled` has the answer when all jobs have run. */
  const end = (value: unknown): string | undefined => {
    if (!(value instanceof Promise)) return finish(value)
    const box: { value?: unknown; error?: unknown } = {}
    awaited = box
    value.then(
      (result) => {
        box.value = result
      },
      (error) => {
        box.error = error
      },
    )
    return undefined
  }

  const settled = (): string => {
    if (awaited && hasOwn(awaited, 'error')) throw awaited.error
    if (awaited && hasOwn(awaited, 'value')) return finish(awaited.value)
    throw new Error('the script ended with a promise that nothing settles: all openidm functions are synchronous')
  }

  const describeError = (error: Error & { code?: unknown; reason?: unknown; detail?: unknown }): Thrown => {
    const { name, message, stack, code, reason, detail } = error
    return { kind: 'error', name, message: code === undefined ? toText(error) : message, stack, code, reason, detail }
  }
  const describe = (error: unknown): Thrown => {
    if (error instanceof Error) return describeError(error)
    if (typeof error !== 'object' || error === null) return { kind: 'value', message: toText(error) }
    const { code, message, reason, detail } = error as Record<string, unknown>
    const isBare = message === undefined || message === null
    const text = isBare ? (code === undefined ? stringify(error) : '') : toText(message)
    return { kind: 'object', message: text, code, reason, detail }
  }

  const fail = (error: unknown): string => {
    try {
      return stringify(describe(error))
    } catch {
      return '{"kind":"value","message":"the script threw something that cannot be shown"}'
    }
  }

  return { begin, end, settled, fail, used: () => stringify(used()) }
}
