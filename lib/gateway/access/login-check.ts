import { randomBytes } from 'node:crypto'
import { hash, matches } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { TooManyLogins } from '../../core/hash-semaphore.ts'
import { tooManyRequests } from '../../crest/errors.ts'

const RETRY_AFTER_MS = 2000

/**
 * Whether the password is the one that was hashed.
 * @throws ResourceException 429 when too many logins are checked; Error for a hash that cannot be checked
 */
export async function checkLogin(password: string, hashed: Json): Promise<boolean> {
  try {
    return await matches(password, hashed, 'login')
  } catch (error) {
    if (error instanceof TooManyLogins) throw tooManyRequests(error.message, RETRY_AFTER_MS)
    throw error
  }
}

let unknown: Promise<JsonObject> | undefined

/** Makes a login with a name that no store knows take as long as one with a wrong password. */
export async function checkUnknown(password: string): Promise<void> {
  unknown ??= hash(randomBytes(16).toString('hex'), 'SCRYPT')
  await checkLogin(password, await unknown)
}
