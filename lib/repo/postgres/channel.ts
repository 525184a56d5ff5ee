import type { Disposable, Logger } from '../../contract.ts'
import type { ClusterSignals } from '../cluster.ts'
import { LEADER_CHANGED } from './lease-table.ts'
import { lockNumber } from './lock-number.ts'
import { createClient, type PoolOptions } from './pool.ts'

const RECONNECT_MS = 1000

/** The name that processes on the same tables notify each other by. */
export const channelName = (schema: string | undefined): string =>
  `external_idm_${BigInt.asUintN(64, lockNumber(schema ?? '', 'channel')).toString(36)}`

export interface ChannelOptions extends PoolOptions {
  /** The id of this process. */
  readonly process: string
  readonly channel: string
  readonly log: Logger
}

/** Listens on a connection of its own, and opens another one when it is lost. */
export class Channel implements Disposable {
  readonly #options: ChannelOptions
  readonly #signals: ClusterSignals
  #client: ReturnType<typeof createClient> | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ChannelOptions, signals: ClusterSignals) {
    this.#options = options
    this.#signals = signals
    void this.#connect()
  }

  async dispose(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    const { process, channel, log } = this.#options
    const client = createClient(this.#options)
    this.#client = client
    client.on('error', () => undefined)
    client.on('notification', ({ payload }) => {
      if (payload === LEADER_CHANGED) this.#signals.leader()
      else if (payload === process) this.#signals.message()
    })
    client.once('end', () => this.#again())
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      // What was said meanwhile was not heard.
      this.#signals.leader()
      this.#signals.message()
    } catch (error) {
      log.debug({ err: error }, 'the database cannot be listened to')
      await client.end().catch(() => undefined)
      this.#again()
    }
  }

  #again(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), RECONNECT_MS).unref()
  }
}
