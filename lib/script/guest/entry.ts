import type { makeModules } from './modules.ts'
import type { makeOpenidm } from './openidm.ts'

/** The input of one run. */
export interface RunVariables {
  /** Seed of the random numbers. */
  readonly seed?: readonly number[]
  /** By name. */
  readonly variables: Readonly<Record<string, unknown>>
  /** Aliases of variables: `newObject` is `object`. */
  readonly aliases?: Readonly<Record<string, string>>
  /** The request that triggered the script; its `queryFilter` as text. */
  readonly request?: { queryFilter?: unknown }
  readonly bindings?: readonly { readonly resource: string; readonly version?: string; readonly binding: string }[]
  /** Variables that are returned at the end. */
  readonly read?: readonly string[]
}

/** A thrown value outside the sandbox. */
export interface Thrown {
  readonly kind: 'error' | 'object' | 'value'
  /** `Error: boom`, or the thrown value as text. */
  readonly message: string
  readonly name?: string
  readonly code?: unknown
  readonly reason?: unknown
  readonly detail?: unknown
  readonly stack?: string
}

/** How one run ended. */
export type Ended =
  | { readonly value?: unknown; readonly variables?: Readonly<Record<string, unknown>> }
  | { readonly thrown: Thrown }

export interface EntryParts {
  readonly global: Record<string, unknown>
  readonly bind: ReturnType<typeof makeOpenidm>['bind']
  readonly used: ReturnType<typeof makeModules>['used']
  readonly seed: (values: readonly number[]) => void
  /** Announces a run. True when the previous one has exceeded a limit. */
  readonly next: () => unknown
  /** Whether there was a call to the gateway since the last call of this function. */
  readonly hasCrossed: () => boolean
  readonly QueryFilter: new (text: string) => object
}

/**
 * The functions that the engine calls around a script: `begin`, then `end` with its value or `fail` with its error; or
 * `many`, which does this for a list of items, from the first one on until a limit ends it. `take` returns the results
 * when all jobs have run.
 */
export function makeEntry({ global, bind, used, seed, next, hasCrossed, QueryFilter }: EntryParts) {
  /** Characters of results that are collected before they are taken. */
  const MAX_COLLECTED = 1_000_000
  const { parse, stringify } = JSON
  const { now } = Date
  const { create, defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, hasOwn } = Object
  const { deleteProperty } = Reflect
  const toText = String
  type Box = { value?: unknown; error?: unknown }
  let ends: (string | Box)[] = []
  let kept: Record<string, unknown> | undefined
  let defined: readonly string[] = []
  /** Globals that are hidden by variables. */
  const hidden: Record<string, PropertyDescriptor> = create(null)

  const clear = (name: string): void => {
    if (hidden[name]) defineProperty(global, name, hidden[name])
    else deleteProperty(global, name)
  }
  const define = (name: string, value: unknown): void => {
    defineProperty(global, name, { value, writable: true, enumerable: true, configurable: true })
  }

  const start = ({ seed: values, variables, aliases = {}, request, bindings = [], read }: RunVariables): void => {
    const before = defined
    for (const name of before) if (!hasOwn(variables, name)) clear(name)
    if (values) seed(values)
    defined = getOwnPropertyNames(variables)
    for (const name of defined) {
      const descriptor = before.includes(name) ? undefined : getOwnPropertyDescriptor(global, name)
      if (descriptor) hidden[name] = descriptor
    }
    for (const name of defined) define(name, variables[name])
    for (const name of getOwnPropertyNames(aliases)) define(name, variables[aliases[name] ?? ''])
    for (const { resource, version, binding } of bindings) define(binding, bind(resource, version))
    if (request) {
      if (typeof request.queryFilter === 'string') request.queryFilter = new QueryFilter(request.queryFilter)
      define('request', request)
    }
    kept = read && {}
    for (const name of read ?? []) if (kept) kept[name] = global[name]
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
  const thrown = (error: unknown): string => {
    try {
      return stringify({ thrown: describe(error) })
    } catch {
      return '{"thrown":{"kind":"value","message":"the script threw a value that cannot be printed"}}'
    }
  }

  const finish = (value: unknown): string => {
    try {
      return stringify({ value: value ?? null, variables: kept })
    } catch (error) {
      return thrown(error)
    }
  }

  const note = (value: unknown): void => {
    if (!(value instanceof Promise)) {
      ends.push(finish(value))
      return
    }
    const box: Box = {}
    ends.push(box)
    value.then(
      (result) => {
        box.value = result
      },
      (error) => {
        box.error = error
      },
    )
  }
  const settled = (box: Box): string => {
    if (hasOwn(box, 'error')) return thrown(box.error)
    if (hasOwn(box, 'value')) return finish(box.value)
    return thrown(
      new Error('the script ended with a promise that is never settled: all openidm functions are synchronous'),
    )
  }

  return {
    begin: (text: string): void => {
      ends = []
      start(parse(text))
    },
    end: note,
    fail: (error: unknown): void => {
      ends = [thrown(error)]
    },
    /** A run that exceeds a limit has no result here, and is the last one. */
    many: (run: () => unknown, text: string): void => {
      ends = []
      let length = 0
      let since = now()
      next()
      for (const item of parse(text)) {
        try {
          start(item)
          note(run())
        } catch (error) {
          ends.push(thrown(error))
        }
        // Announcing a run costs as much as a short script: runs in the same millisecond without calls count as one.
        if (hasCrossed() || now() !== since) {
          if (next()) {
            ends.pop()
            return
          }
          since = now()
        }
        const end = ends[ends.length - 1]
        if (typeof end === 'string') length += end.length
        if (length > MAX_COLLECTED) return
      }
    },
    take: (): string => {
      let text = ''
      for (const end of ends) text += `${text === '' ? '[' : ','}${typeof end === 'string' ? end : settled(end)}`
      return text === '' ? '[]' : `${text}]`
    },
    count: (): string => toText(ends.length),
    used: (): string => stringify(used()),
  }
}
