import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../contract.ts'
import { type Cluster, LEASE_MS } from '../cluster.ts'
import type { RepositoryKeys } from '../repository.ts'
import { Channel, channelName } from './channel.ts'
import type { PostgresDatabase } from './database.ts'
import { KeyCheck } from './key-check.ts'
import { LeaseTable } from './lease-table.ts'
import { Mailbox } from './mailbox.ts'
import { NodeTable } from './node-table.ts'
import type { PoolOptions } from './pool.ts'

export interface ClusterOptions extends PoolOptions {
  readonly db: PostgresDatabase
  readonly keys?: RepositoryKeys | undefined
  /** Names the database in messages. */
  readonly name: string
  readonly log: Logger
}

/** The processes that share a database on a server. */
export function postgresCluster(options: ClusterOptions): Cluster & Pick<KeyCheck, 'renew'> {
  const { db, keys, name, log } = options
  const { process } = db
  const channel = channelName(options.schema)
  const keyCheck = new KeyCheck(db, keys)
  return {
    process,
    lease: new LeaseTable(db, process, channel),
    mailbox: new Mailbox(db, process, { channel, keys, log }),
    nodes: new NodeTable(db, process),
    checkKeys: async () => {
      await keyCheck.check().catch((cause: unknown) => {
        throw new Error(`The repository ${name} cannot be used: ${(cause as Error).message}`, { cause })
      })
    },
    renew: () => keyCheck.renew(),
    listen: (signals) => new Channel({ ...options, process, channel }, signals),
  }
}

const POLL_MS = 200
const RENEWAL_MS = 5000

/**
 * Has the database for a command alone: no gateway uses it, and those that start wait until it is released.
 * @param maxWaitMs how long gateways that are about to stop are waited for
 * @returns a function that releases it
 * @throws Error that names a node that uses it
 */
export async function holdAlone(
  { lease, nodes }: Cluster,
  { name, maxWaitMs }: { readonly name: string; readonly maxWaitMs: number },
): Promise<() => Promise<void>> {
  for (const begin = performance.now(); ; await delay(POLL_MS)) {
    const node = (await nodes.list()).find(({ isLive }) => isLive)
    const epoch = node ? undefined : await lease.take({ node: '', member: '' })
    if (epoch !== undefined) {
      const timer = setInterval(() => void lease.renew(epoch).catch(() => undefined), RENEWAL_MS).unref()
      return async () => {
        clearInterval(timer)
        await lease.release(epoch).catch(() => undefined)
      }
    }
    // A process that was killed has its lease for a while.
    if (performance.now() < begin + (node ? maxWaitMs : LEASE_MS + maxWaitMs)) continue
    const user = node ? `another gateway (node ${node.id}, last seen ${node.lastSeen})` : 'another process'
    throw new Error(`The repository ${name} is used by ${user}: stop it; one that was killed counts for half a minute`)
  }
}
