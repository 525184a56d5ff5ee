/** A compiled module: a CommonJS function. */
export type ModuleFunction = (exports: object, module: Module, require: Require) => void

interface Module {
  readonly id: string
  exports: Record<string, unknown>
}

export type Require = (name: string) => unknown

/**
 * `require`. A module runs once per run of a script, when it is first required.
 * @param load compiles a module; throws when it does not exist
 */
export function makeModules(load: (name: string) => ModuleFunction, adapt: (name: string, exports: unknown) => void) {
  const compiled = new Map<string, ModuleFunction>()
  const modules = new Map<string, Module>()
  const used: string[] = []

  /** `./name` is relative to the requiring module. */
  const resolve = (name: unknown, from: string): string => {
    if (typeof name !== 'string' || name === '' || name.includes('\0'))
      throw new TypeError('require: must be the name of a module')
    const bare = name.replace(/\.js$/, '')
    if (!/^\.\.?\//.test(bare)) return bare
    const path = from.split('/').slice(0, -1)
    for (const part of bare.split('/')) {
      if (part === '..' && path.pop() === undefined) throw new Error(`Module "${name}" would lie outside`)
      if (part !== '..' && part !== '.') path.push(part)
    }
    return path.join('/')
  }

  const functionOf = (id: string): ModuleFunction => {
    const known = compiled.get(id)
    if (known) return known
    const made = load(id)
    compiled.set(id, made)
    used.push(id)
    return made
  }

  const run = (id: string): Module => {
    const body = functionOf(id)
    const module: Module = { id, exports: {} }
    modules.set(id, module)
    try {
      body.call(module.exports, module.exports, module, requireFrom(id))
      adapt(id, module.exports)
    } catch (error) {
      modules.delete(id)
      throw error
    }
    return module
  }

  const requireFrom =
    (from: string): Require =>
    (name) => {
      const id = resolve(name, from)
      return (modules.get(id) ?? run(id)).exports
    }

  return { require: requireFrom(''), compile: (id: string) => void functionOf(id), used: () => used }
}
