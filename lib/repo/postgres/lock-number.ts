import { createHash } from 'node:crypto'

/** The number of an advisory lock: locks of one name in two schemas are two. */
export const lockNumber = (schema: string, name: string): bigint =>
  createHash('sha256').update(`openidm-external-idm/${schema}/${name}`).digest().readBigInt64BE()
