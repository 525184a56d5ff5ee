import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import type { ClusterMailbox, ClusterMessage, ReceivedMessage } from '../cluster.ts'
import type { RepositoryKeys } from '../repository.ts'
import { insertRows } from '../sql/statements/insert-rows.ts'
import { all, type Work } from '../sql/statements/work.ts'
import type { PostgresDatabase } from './database.ts'

/** Messages that are read at a time: each has up to 256 Ki characters, or a change with its objects. */
const READ_AT_ONCE = 20
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MAX_SENDERS = 200
/** What the data keys of messages are bound to. */
const PLACE = 'node/message'

interface MessageRow {
  readonly key: number
  readonly sender: string
  readonly wrapped: string
  readonly content: Uint8Array
}

/**
 * Messages between processes. They hold personal data: each process encrypts its own with a data key (AES-256-GCM, nonce
 * before and tag behind the text, bound to sender and recipient), which goes along encrypted with the key of the project.
 */
export class Mailbox implements ClusterMailbox {
  readonly #db: PostgresDatabase
  readonly #process: string
  readonly #channel: string
  readonly #keys: RepositoryKeys | undefined
  readonly #log: Logger
  readonly #dataKey = randomBytes(KEY_BYTES)
  #wrapped: Promise<string> | undefined
  /** Of other processes, by their encrypted form. */
  readonly #dataKeys = new LRUCache<string, Uint8Array>({ max: MAX_SENDERS })

  constructor(
    db: PostgresDatabase,
    process: string,
    {
      channel,
      keys,
      log,
    }: { readonly channel: string; readonly keys: RepositoryKeys | undefined; readonly log: Logger },
  ) {
    this.#db = db
    this.#process = process
    this.#channel = channel
    this.#keys = keys
    this.#log = log
  }

  async send(messages: readonly ClusterMessage[]): Promise<void> {
    const wrapped = await this.#ownKey()
    const values = messages.flatMap(({ recipient, text }) => [recipient, this.#sealed(recipient, text)])
    const recipients = [...new Set(messages.map(({ recipient }) => recipient))]
    const { dialect } = this.#db
    const [own, channel] = [this.#process, this.#channel]
    await this.#db.write(function* () {
      yield* insertRows(dialect, INTO, [own, wrapped], { width: 2, values })
      yield* all('select pg_notify(?, recipient) from unnest(?::text[]) as told (recipient)', [channel, recipients])
    })
  }

  async receive(): Promise<ReceivedMessage[]> {
    const received: ReceivedMessage[] = []
    for (let rows: MessageRow[] | undefined; !rows || rows.length === READ_AT_ONCE; ) {
      rows = await this.#db.write(() => take(this.#process))
      received.push(...rows.flatMap((row) => this.#read(row) ?? []))
    }
    return received
  }

  #read({ sender, wrapped, content }: MessageRow): ReceivedMessage | undefined {
    try {
      return { sender, text: this.#unsealed(sender, wrapped, Buffer.from(content)) }
    } catch (error) {
      this.#log.error({ err: error, sender }, 'a message of another node cannot be read: both need the same keys')
      return undefined
    }
  }

  #ownKey(): Promise<string> {
    const wrap = async () => {
      if (this.#keys) return this.#keys.wrap(this.#dataKey, PLACE)
      throw new Error('this repository was opened without keys')
    }
    this.#wrapped ??= wrap().catch((error: unknown) => {
      this.#wrapped = undefined
      throw error
    })
    return this.#wrapped
  }

  #sealed(recipient: string, text: string): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#dataKey, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(boundTo(this.#process, recipient))
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  }

  #unsealed(sender: string, wrapped: string, content: Buffer): string {
    const key = this.#dataKeys.get(wrapped) ?? this.#keys?.unwrap(wrapped, PLACE)
    if (!key) throw new Error('this repository was opened without keys')
    this.#dataKeys.set(wrapped, key)
    const decipher = createDecipheriv(CIPHER, key, content.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(boundTo(sender, this.#process)).setAuthTag(content.subarray(-TAG_BYTES))
    return decipher.update(content.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  }
}

function* take(process: string): Work<MessageRow[]> {
  const text = `delete from node_message
    where key in (select key from node_message where recipient = ? order by key limit ${READ_AT_ONCE})
    returning key, sender, wrapped, content`
  return (yield* all<MessageRow>(text, [process])).sort((one, other) => one.key - other.key)
}

const boundTo = (sender: string, recipient: string): Buffer => Buffer.from(`${sender}>${recipient}`)

const INTO = 'insert into node_message (sender, wrapped, recipient, content)'
