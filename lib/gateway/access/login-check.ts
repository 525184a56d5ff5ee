import { randomBytes } from 'node:crypto'
import { hash, matches } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { TooManyLogins } from '../../core/hash-semaphore.ts'
import { tooManyRequests } from '../../crest/errors.ts'

const RETRY_AFTER_MS = 2000

/**
 * Whether the password matches the hash.
 * @throws ResourceException 429 when too many logins are being checked; Error for an invalid hash
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

/** Takes as long as checking a wrong password, so that the time does not reveal which accounts exist. */
export async function checkUnknown(password: string): Promise<void> {
  unknown ??= hash(randomBytes(16).toString('hex'), 'SCRYPT')
  await checkLogin(password, await unknown)
}
