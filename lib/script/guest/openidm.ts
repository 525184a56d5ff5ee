import type { Ask } from './ask.ts'

type Functions = Record<string, (...args: unknown[]) => unknown>

/** `openidm`, and the functions of `resourceBindings`. */
export function makeOpenidm(ask: Ask) {
  /** The number of arguments that are passed on; further ones, such as a context, are ignored. */
  const RESOURCES = { create: 5, read: 3, update: 5, patch: 5, delete: 4, query: 3, action: 5 }
  const SECRETS = { encrypt: 3, decrypt: 1, isEncrypted: 1, hash: 3, isHashed: 1, matches: 2 }

  const openidm: Functions = {}
  for (const [name, count] of Object.entries({ ...RESOURCES, ...SECRETS })) {
    openidm[name] = (...args) => ask(name, ...args.slice(0, count))
  }

  /** The functions without the resource name. With a version, every request has it. */
  const bind = (resource: string, version?: string): Functions => {
    const bound: Functions = {}
    for (const [name, count] of Object.entries(RESOURCES)) {
      const params = count - 2
      bound[name] = (...args) => {
        const all = Array.from({ length: count }, (_, index) => (index === 0 ? resource : args[index - 1]) ?? null)
        if (version) all[params] = { 'Accept-API-Version': `resource=${version}`, ...(all[params] as object | null) }
        return ask(name, ...all)
      }
    }
    return bound
  }
  return { openidm, bind }
}
