import type { Disposable, Logger } from '../../contract.ts'
import { parseStoredJson } from '../../core/json.ts'
import { type Cluster, LEASE_MS, type LeaderCandidate } from '../../repo/cluster.ts'
import type { Fence } from '../../repo/repository.ts'
import { LeaderLink } from '../link/leader-link.ts'
import type { LeaderMessageFromWorker } from '../link/messages.ts'
import { Election } from './election.ts'
import { NodeCalls, type NodeMessage } from './node-calls.ts'
import { Outbox } from './outbox.ts'

const TICK_MS = 5000
/** A caller that did not ask for its calls during this time has ended. */
const CALLER_TIMEOUT_MS = 30_000
const START_NOTICE_MS = 10_000

/** What processes tell each other. `id` is the caller's number of a call. */
type Message =
  | { readonly type: 'call'; readonly id: number; readonly epoch: number; readonly text: string }
  | { readonly type: 'abort'; readonly id: number }
  /** Are these calls still being answered? */
  | { readonly type: 'ask'; readonly ids: readonly number[] }
  | { readonly type: 'accepted' | 'lost'; readonly id: number }
  /** It is not the leader, or leaves: the call is for the next one. */
  | { readonly type: 'refused'; readonly id: number }
  | { readonly type: 'part' | 'answer'; readonly id: number; readonly text: string }
  | { readonly type: 'node'; readonly message: NodeMessage }

interface Call {
  readonly text: string
  /** Of the leader that has it; absent while it waits for one. */
  epoch?: number | undefined
}

interface Serving {
  readonly caller: string
  readonly id: number
  /** When its caller was last heard of. */
  seen: number
}

export interface DatabaseRelayOptions {
  readonly cluster: Cluster
  readonly candidate: LeaderCandidate
  readonly log: Logger
}

/**
 * Elects the leader among all processes on a database, and relays calls to it through the database: what `LeaderRelay` is
 * for the workers of one gateway.
 */
export class DatabaseRelay implements Disposable {
  readonly link: LeaderLink
  /** Calls of processes that need not lead. */
  readonly calls = new NodeCalls((process, message) => this.#post(process, { type: 'node', message }))
  readonly #cluster: Cluster
  readonly #log: Logger
  readonly #election: Election
  readonly #outbox: Outbox
  readonly #listener: Disposable
  readonly #timer: NodeJS.Timeout
  readonly #notice: NodeJS.Timeout
  /** Calls of this process. */
  readonly #calls = new Map<number, Call>()
  /** Calls that this process answers. */
  readonly #serving = new Map<number, Serving>()
  #accepts = false
  #count = 0
  #collecting: Promise<void> | undefined
  #isAgain = false
  /** Since when messages cannot be read. */
  #deafSince: number | undefined

  constructor({ cluster, candidate, log }: DatabaseRelayOptions) {
    this.#cluster = cluster
    this.#log = log
    this.#outbox = new Outbox(cluster.mailbox)
    this.link = new LeaderLink((message, written) => this.#fromLink(message, written))
    this.#election = new Election(
      { lease: cluster.lease, candidate, log },
      {
        elected: () => this.link.receive({ type: 'lead' }),
        deposed: () => {
          this.#accepts = false
          this.link.receive({ type: 'deposed' })
        },
        changed: () => this.#changed(),
      },
    )
    const signals = { message: () => void this.#collect(), leader: () => this.#election.check() }
    this.#listener = cluster.listen(signals)
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref()
    this.#notice = setTimeout(() => {
      if (!this.#election.leader?.serves)
        log.warn({ node: this.#election.leader?.node }, 'waiting for a node that runs reconciliations and schedules')
    }, START_NOTICE_MS).unref()
  }

  /** Of this process while it leads. */
  get lease(): Fence | undefined {
    return this.#election.lease
  }

  /** A process of this gateway has certainly ended. */
  async ended(member: string): Promise<void> {
    await this.#cluster.lease.releaseMember(member).catch(() => undefined)
    this.#election.check()
  }

  async dispose(): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#notice)
    for (const id of this.#calls.keys()) this.#lose(id)
    await this.calls.dispose()
    await this.#outbox.idle()
    await this.#election.dispose()
    await this.#listener.dispose()
    await this.#collecting
  }

  #fromLink(message: LeaderMessageFromWorker, written: () => void = () => undefined): void {
    switch (message.type) {
      case 'campaign':
        if (this.#election.leader?.serves) this.link.receive({ type: 'led' })
        this.#election.campaign()
        break
      case 'leading':
        this.#accepts = this.#election.lease !== undefined
        this.#election.serve(true)
        break
      case 'resign':
        this.#accepts = false
        this.#election.serve(false)
        break
      case 'resigned':
        // Its answers come first.
        this.#election.release(this.#outbox.idle())
        break
      case 'call':
        this.#calls.set(message.id, { text: message.text })
        this.#pass()
        break
      case 'abort':
        this.#abort(message.id)
        break
      default:
        this.#answer(message, written)
        return
    }
    written()
  }

  /** Sends the calls that wait to the leader. */
  #pass(): void {
    const { leader } = this.#election
    if (!leader?.serves) return
    for (const [id, call] of this.#calls) {
      if (call.epoch !== undefined) continue
      call.epoch = leader.epoch
      this.#post(leader.process, { type: 'call', id, epoch: leader.epoch, text: call.text }, () => this.#lose(id))
    }
  }

  #abort(id: number): void {
    const call = this.#calls.get(id)
    const { leader } = this.#election
    if (!call) return
    if (call.epoch !== undefined && call.epoch === leader?.epoch) this.#post(leader.process, { type: 'abort', id })
    else this.#lose(id)
  }

  #answer({ type, call, text }: { type: 'part' | 'answer'; call: number; text: string }, written: () => void): void {
    const serving = this.#serving.get(call)
    if (type === 'answer') this.#serving.delete(call)
    // Where it fails, the caller is told when it asks.
    if (serving) this.#post(serving.caller, { type, id: serving.id, text }, undefined, written)
    else written()
  }

  #post(recipient: string, message: Message, failed?: () => void, written: () => void = () => undefined): void {
    this.#outbox.post(recipient, JSON.stringify(message)).then(written, (error: unknown) => {
      this.#log.warn({ err: error }, 'a message to another node could not be stored')
      failed?.()
      written()
    })
  }

  /** What the last leader has answered arrives before its calls are lost. */
  async #changed(): Promise<void> {
    const { leader } = this.#election
    if (this.#calls.size > 0) await this.#collect()
    for (const [id, { epoch }] of this.#calls)
      if (epoch !== undefined && (epoch !== leader?.epoch || leader.process === '')) this.#lose(id)
    if (leader?.serves) this.link.receive({ type: 'led' })
    this.#pass()
  }

  #lose(id: number): void {
    if (this.#calls.delete(id)) this.link.receive({ type: 'lost', id })
  }

  #tick(): void {
    // Notifications may be lost.
    void this.#collect()
    this.calls.ask()
    const { leader } = this.#election
    const ids = [...this.#calls].filter(([, { epoch }]) => epoch === leader?.epoch).map(([id]) => id)
    if (leader?.process && ids.length > 0) this.#post(leader.process, { type: 'ask', ids })
    for (const [call, { seen }] of this.#serving)
      if (performance.now() - seen > CALLER_TIMEOUT_MS) this.link.receive({ type: 'abort', call })
  }

  /** Takes the messages to this process, one reader at a time. */
  #collect(): Promise<void> {
    this.#isAgain = true
    this.#collecting ??= this.#read().finally(() => {
      this.#collecting = undefined
    })
    return this.#collecting
  }

  async #read(): Promise<void> {
    while (this.#isAgain) {
      this.#isAgain = false
      try {
        const messages = await this.#cluster.mailbox.receive()
        this.#deafSince = undefined
        for (const { sender, text } of messages) this.#receive(sender, parseStoredJson(text) as unknown as Message)
      } catch (error) {
        this.#log.debug({ err: error }, 'the messages of other nodes cannot be read')
        this.#loseUnheard()
      }
    }
  }

  /** While the database is away, no answer comes: in the time of a lease the leader has stopped. */
  #loseUnheard(): void {
    this.#deafSince ??= performance.now()
    if (performance.now() - this.#deafSince < LEASE_MS) return
    for (const id of this.#calls.keys()) this.#lose(id)
  }

  #receive(sender: string, message: Message): void {
    switch (message.type) {
      case 'call':
        this.#serve(sender, message)
        break
      case 'abort':
        for (const [call, { caller, id }] of this.#serving)
          if (caller === sender && id === message.id) this.link.receive({ type: 'abort', call })
        break
      case 'ask':
        this.#asked(sender, message.ids)
        break
      case 'node':
        this.calls.receive(sender, message.message)
        break
      case 'refused': {
        const call = this.#calls.get(message.id)
        if (call) call.epoch = undefined
        this.#election.check()
        break
      }
      default:
        if (!this.#calls.has(message.id)) return
        if (message.type === 'answer' || message.type === 'lost') this.#calls.delete(message.id)
        this.link.receive(message)
    }
  }

  #serve(caller: string, { id, epoch, text }: Message & { type: 'call' }): void {
    if (!this.#accepts || this.#election.lease?.epoch !== epoch) {
      this.#post(caller, { type: 'refused', id })
      return
    }
    const call = ++this.#count
    this.#serving.set(call, { caller, id, seen: performance.now() })
    this.#post(caller, { type: 'accepted', id })
    this.link.receive({ type: 'call', call, text })
  }

  #asked(caller: string, ids: readonly number[]): void {
    const known = [...this.#serving.values()].filter((serving) => serving.caller === caller)
    for (const serving of known) serving.seen = performance.now()
    const open = new Set(known.map(({ id }) => id))
    for (const id of ids) if (!open.has(id)) this.#post(caller, { type: 'lost', id })
  }
}
