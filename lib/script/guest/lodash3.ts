/** The part of lodash that is used here. */
type Lodash = Record<string, (...args: never[]) => unknown> & {
  mixin(functions: object, options?: { chain: boolean }): void
}

/**
 * Makes lodash 4 compatible with lodash 3, which the vendor bundles: adds removed names, and the behaviour that existing
 * scripts depend on (a second argument of `max`, `this` for callbacks, predicates of `pick` and `omit`).
 */
export function makeLodash3() {
  type Any = (...args: unknown[]) => unknown

  const RENAMED = {
    all: 'every', any: 'some', backflow: 'flowRight', callback: 'iteratee', collect: 'map', compose: 'flowRight',
    contains: 'includes', detect: 'find', findWhere: 'find', foldl: 'reduce', foldr: 'reduceRight', include: 'includes',
    indexBy: 'keyBy', inject: 'reduce', methods: 'functions', padLeft: 'padStart', padRight: 'padEnd',
    pairs: 'toPairs', pluck: 'map', restParam: 'rest', select: 'filter', sortByAll: 'sortBy', sortByOrder: 'orderBy',
    trimLeft: 'trimStart', trimRight: 'trimEnd', trunc: 'truncate', unique: 'uniq', where: 'filter',
  } // biome-ignore format: a table
  /** Functions with the `this` of their callback as the next argument. */
  const WITH_THIS = [
    'each', 'forEach', 'eachRight', 'forEachRight', 'map', 'filter', 'reject', 'find', 'findLast', 'findIndex',
    'findLastIndex', 'findKey', 'findLastKey', 'some', 'every', 'forOwn', 'forIn', 'mapValues', 'mapKeys', 'groupBy',
    'countBy', 'keyBy', 'sortBy', 'partition', 'remove', 'dropWhile', 'takeWhile', 'times',
  ] // biome-ignore format: a list
  const CHAINED = new Set([
    'collect',
    'indexBy',
    'methods',
    'pairs',
    'pluck',
    'select',
    'where',
    'unique',
    'object',
    'rest',
  ])

  const isFunction = (value: unknown): value is Any => typeof value === 'function'

  return (lodash: Lodash): void => {
    const _ = lodash as unknown as Record<string, Any>
    const original = { ..._ }
    const call = (name: string, ...args: unknown[]): unknown => original[name]?.(...args)
    const added: Record<string, Any> = {}

    for (const name of WITH_THIS) {
      added[name] = (subject, callback, that, ...rest) =>
        isFunction(callback) && that !== null && typeof that === 'object' && rest.length === 0
          ? call(name, subject, callback.bind(that))
          : call(name, subject, ...[callback, that, ...rest].slice(0, that === undefined ? 1 : undefined))
    }
    for (const [old, name] of Object.entries(RENAMED)) added[old] = (...args) => (added[name] ?? _[name])?.(...args)
    for (const name of ['max', 'min', 'sum', 'uniq', 'sortedIndex', 'sortedLastIndex']) {
      added[name] = (list, ...args) => {
        const by = args.find((arg) => isFunction(arg) || (typeof arg === 'string' && name !== 'sortedIndex'))
        if (by === undefined) return call(name, list, ...args)
        return name.startsWith('sorted') ? call(`${name}By`, list, args[0], by) : call(`${name}By`, list, by)
      }
    }
    for (const name of ['pick', 'omit']) {
      added[name] = (object, by, ...rest) => call(isFunction(by) ? `${name}By` : name, object, by, ...rest)
    }
    for (const name of ['assign', 'extend', 'merge', 'clone', 'cloneDeep', 'isEqual', 'isMatch']) {
      added[name] = (...args) => {
        const deep = name === 'clone' && args[1] === true ? 'cloneDeep' : name
        const last = args.at(-1)
        const isClone = deep.startsWith('clone')
        if (args.length > (isClone ? 1 : 2) && isFunction(last)) return call(`${deep}With`, ...args)
        return call(deep, ...(isClone ? args.slice(0, 1) : args))
      }
    }
    added.trunc = (text, length) => call('truncate', text, typeof length === 'number' ? { length } : length)
    added.flatten = (list, deep) => call(deep === true ? 'flattenDeep' : 'flatten', list)
    added.object = (keys, values) =>
      values === undefined && Array.isArray((keys as unknown[])?.[0])
        ? call('fromPairs', keys)
        : call('zipObject', keys, values)
    added.zipObject = added.object
    added.rest = (subject, ...args) => call(isFunction(subject) ? 'rest' : 'tail', subject, ...args)
    added.invoke = (subject, ...args) => call(Array.isArray(subject) ? 'invokeMap' : 'invoke', subject, ...args)

    const chained = Object.entries(added).filter(([name]) => CHAINED.has(name))
    lodash.mixin(Object.fromEntries(chained))
    const others = Object.entries(added).filter(([name]) => !CHAINED.has(name))
    for (const [name, fn] of others) if (!(name in original)) lodash.mixin({ [name]: fn }, { chain: false })
    Object.assign(lodash, added)
  }
}
