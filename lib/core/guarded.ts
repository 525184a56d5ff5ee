/**
 * An object whose methods of these names begin only where `check` does not throw.
 * @param names of methods that are asynchronous
 */
export function guarded<T extends object>(target: T, check: () => void, names: readonly (keyof T)[]): T {
  const isGuarded = new Set<unknown>(names)
  return new Proxy(target, {
    get: (_, name) => {
      const method = Reflect.get(target, name, target) as unknown
      if (typeof method !== 'function') return method
      if (!isGuarded.has(name)) return method.bind(target)
      return async (...args: unknown[]) => {
        check()
        return method.apply(target, args)
      }
    },
  })
}
