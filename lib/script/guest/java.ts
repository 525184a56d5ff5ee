import type { Ask } from './ask.ts'

/** The few Java classes in the vendor's examples, and a clear error for all others. */
export function makeJava(ask: Ask): { globals: Record<string, unknown>; QueryFilter: new (text: string) => object } {
  const OFFERED =
    'java.lang.System.getProperty, org.forgerock.util.query.QueryFilter, org.forgerock.json.resource.ResourcePath'

  const refuse = (name: string): never => {
    throw new Error(
      `Java class ${name} is not available: scripts run in a JavaScript engine without Java, which has ${OFFERED} only`,
    )
  }

  /** A path of names; throws when it is constructed, called or compared. */
  const javaName = (path: string, known: Readonly<Record<string, unknown>>): unknown =>
    // A class, since the trap for construction needs a target that can be constructed.
    new Proxy(class {}, {
      get: (target, member) => {
        if (member === 'prototype') return target.prototype
        if (typeof member === 'symbol') return refuse(path)
        const name = `${path}.${member}`
        if (Object.hasOwn(known, name)) return known[name]
        if (member === 'toString' || member === 'valueOf') return () => refuse(path)
        return javaName(name, known)
      },
      apply: () => refuse(path.split('.').slice(0, -1).join('.') || path),
      construct: () => refuse(path),
      set: () => refuse(path),
    })

  const pointer = (field: unknown): string => {
    const text = String(field)
    return text.startsWith('/') ? text : `/${text}`
  }
  const literal = (value: unknown): string =>
    typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : `"${String(value).replace(/["\\]/g, '\\$&')}"`

  class QueryFilter {
    readonly #text: string
    constructor(text: string) {
      this.#text = text
    }
    toString(): string {
      return this.#text
    }
    toJSON(): string {
      return this.#text
    }
  }
  const compare = (operator: string) => (field: unknown, value: unknown) =>
    new QueryFilter(`${pointer(field)} ${operator} ${literal(value)}`)
  const join =
    (operator: string, none: string) =>
    (...parts: unknown[]) => {
      const filters = parts.flat().map(String)
      return new QueryFilter(filters.length < 2 ? (filters[0] ?? none) : `(${filters.join(` ${operator} `)})`)
    }
  const filters = {
    alwaysTrue: () => new QueryFilter('true'),
    alwaysFalse: () => new QueryFilter('false'),
    equalTo: compare('eq'),
    contains: compare('co'),
    startsWith: compare('sw'),
    greaterThan: compare('gt'),
    greaterThanOrEqualTo: compare('ge'),
    lessThan: compare('lt'),
    lessThanOrEqualTo: compare('le'),
    extendedMatch: (field: unknown, operator: string, value: unknown) => compare(operator)(field, value),
    present: (field: unknown) => new QueryFilter(`${pointer(field)} pr`),
    and: join('and', 'true'),
    or: join('or', 'false'),
    not: (filter: unknown) => new QueryFilter(`!(${String(filter)})`),
  }
  /** A path of a resource: segments without slashes at the ends. */
  class ResourcePath {
    readonly #segments: readonly string[]
    constructor(segments: readonly string[]) {
      this.#segments = segments
    }
    static of(path: unknown): ResourcePath {
      return path instanceof ResourcePath ? path : new ResourcePath(String(path).split('/').filter(Boolean))
    }
    size = (): number => this.#segments.length
    isEmpty = (): boolean => this.#segments.length === 0
    get = (index: number): string | null => this.#segments[index] ?? null
    leaf = (): string | null => this.#segments.at(-1) ?? null
    head = (end: number): ResourcePath => new ResourcePath(this.#segments.slice(0, end))
    tail = (start: number): ResourcePath => new ResourcePath(this.#segments.slice(start))
    parent = (): ResourcePath | null => (this.isEmpty() ? null : this.head(-1))
    child = (name: unknown): ResourcePath => this.concat(name)
    concat = (path: unknown): ResourcePath => new ResourcePath([...this.#segments, ...ResourcePath.of(path).#segments])
    startsWith = (path: unknown): boolean =>
      ResourcePath.of(path).#segments.every((segment, index) => segment === this.#segments[index])
    equals = (path: unknown): boolean => String(this) === String(ResourcePath.of(path))
    toString = (): string => this.#segments.join('/')
    toJSON = (): string => this.toString()
  }
  const resourcePaths = {
    valueOf: (path: unknown) => ResourcePath.of(path),
    resourcePath: (path: unknown) => ResourcePath.of(path),
    empty: () => new ResourcePath([]),
  }
  const known = {
    'java.lang.System.getProperty': (name: unknown, otherwise?: unknown) =>
      ask('property', name, false) ?? otherwise ?? null,
    'org.forgerock.util.query.QueryFilter': filters,
    'org.forgerock.json.resource.ResourcePath': resourcePaths,
  }

  const globals: Record<string, unknown> = {}
  for (const name of ['java', 'javax', 'org', 'com', 'net', 'edu']) globals[name] = javaName(name, known)
  globals.Packages = new Proxy(() => undefined, {
    get: (_target, member) => (typeof member === 'string' ? (globals[member] ?? javaName(member, known)) : undefined),
  })
  globals.Java = { type: (name: unknown) => refuse(String(name)) }
  for (const name of ['importClass', 'importPackage', 'JavaImporter', 'JavaAdapter'])
    globals[name] = javaName(name, known)
  return { globals, QueryFilter }
}
