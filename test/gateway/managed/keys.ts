import { generateKey, type KeyRing, parseKeys } from '../../../lib/config/values/crypto/crypto.ts'
import type { ManagedKeys } from '../../../lib/gateway/managed/private-values.ts'

/** Keys that are there from the beginning: one of the test's own unless given. */
export const fixedKeys = (ring: KeyRing = parseKeys(generateKey('test'), 'test')): ManagedKeys => ({
  current: () => ring,
  ensure: async () => ring,
})
