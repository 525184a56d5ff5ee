import type { Json, JsonObject } from '../../contract.ts'

/** How a managed property is stored: as a one-way hash, or encrypted with the project's key. */
export type Protection = 'hashed' | 'encrypted'

/** From the property's schema in `conf/managed.json`; undefined = in clear text. */
export function protectionOf({ isProtected, secureHash, encryption }: JsonObject): Protection | undefined {
  if (isGiven(secureHash)) return 'hashed'
  if (isGiven(encryption)) return 'encrypted'
  return isProtected === true ? 'hashed' : undefined
}

const isGiven = (value: Json | undefined): boolean => value !== undefined && value !== null
