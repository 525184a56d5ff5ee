import { createRequire } from 'node:module'

type Channel = { readonly namespace: string; enabled: boolean }

const require = createRequire(import.meta.url)

/**
 * Loads a package that would write secrets to channels of `debug`: those whose names begin with the package's are
 * switched off for good, whatever DEBUG says (docs/pitfalls.md#secrets-in-library-errors,
 * docs/pitfalls.md#secrets-in-output).
 */
export function requireQuietly(name: string): unknown {
  const debug = createRequire(require.resolve(name))('debug') as { init?: (channel: Channel) => void }
  const { init } = debug
  debug.init = (channel) => {
    init?.(channel)
    if (channel.namespace.startsWith(name)) channel.enabled = false
  }
  try {
    return require(name)
  } finally {
    if (init) debug.init = init
  }
}
