import { exceptionOf } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { createClient, type PoolOptions } from './pool.ts'

/**
 * Runs work of several transactions while no other process on the same tables runs work with this key. The server
 * releases the lock when the connection that has it ends.
 */
export async function withLock(options: PoolOptions, key: string, work: () => Promise<void>): Promise<void> {
  const client = createClient({ ...options, statementTimeoutMs: 0 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(`select pg_advisory_lock(${lockNumber(options.schema ?? '', `alone/${key}`)})`)
  } catch (error) {
    await client.end().catch(() => undefined)
    throw exceptionOf(error)
  }
  try {
    await work()
  } finally {
    await client.end().catch(() => undefined)
  }
}
