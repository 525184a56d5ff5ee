import { createHash } from 'node:crypto'
import type { ObjectName } from '../files/naming.ts'

/**
 * The pid of an object: its own name when it exists once, else `FACTORY.UUID`. The UUID (version 8, RFC 9562) is made
 * from the id, so that it is stable without being stored.
 */
export const pidOfObject = ({ id, factoryPid }: ObjectName): string =>
  factoryPid === null ? id : `${factoryPid}.${uuidOf(id)}`

const FACTORY_PID = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether `text` has the form of an instance's pid. */
export const isInstancePid = (text: string): boolean => FACTORY_PID.test(text)

function uuidOf(name: string): string {
  const hash = createHash('sha256').update(`openidm configuration object ${name}`).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
