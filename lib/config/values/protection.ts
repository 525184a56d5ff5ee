import type { Json, JsonObject } from '../../contract.ts'

/** How the value of a managed property is stored: a hash never gives it back, an envelope does with the project's key. */
export type Protection = 'hashed' | 'encrypted'

/** By the schema of the property in `conf/managed.json`; undefined = in clear. */
export function protectionOf({ isProtected, secureHash, encryption }: JsonObject): Protection | undefined {
  if (isGiven(secureHash)) return 'hashed'
  if (isGiven(encryption)) return 'encrypted'
  return isProtected === true ? 'hashed' : undefined
}

const isGiven = (value: Json | undefined): boolean => value !== undefined && value !== null
