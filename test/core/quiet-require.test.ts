import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { requireQuietly } from '../../lib/core/quiet-require.ts'

type Channel = { enabled: boolean }
type Debug = { (namespace: string): Channel; enable(namespaces: string): void; disable(): string }

describe('requireQuietly', () => {
  it('loads the package, and leaves the channels of others as they are', () => {
    const require = createRequire(import.meta.url)
    const debug = createRequire(require.resolve('simple-oauth2'))('debug') as Debug
    const before = debug.disable()
    debug.enable('*')
    try {
      const { ClientCredentials } = requireQuietly('simple-oauth2') as { ClientCredentials: unknown }
      assert.equal(typeof ClientCredentials, 'function')
      assert.equal(debug('something-else').enabled, true)
    } finally {
      debug.disable()
      if (before) debug.enable(before)
    }
  })
})
