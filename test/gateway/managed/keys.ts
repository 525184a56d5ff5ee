import { generateKey, type KeyRing, parseKeys } from '../../../lib/config/values/crypto/crypto.ts'
import { fixedKeys as fixed, type KeySource } from '../../../lib/config/values/crypto/key-wrapper.ts'

/** Keys that are there from the beginning: one of the test's own unless given. */
export const fixedKeys = (ring: KeyRing = parseKeys(generateKey('test'), 'test')): KeySource => fixed(ring)
