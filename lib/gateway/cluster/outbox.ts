import type { ClusterMailbox, ClusterMessage } from '../../repo/cluster.ts'

/** Max characters and messages of one insert. */
const MAX_CHARACTERS = 1024 * 1024
const MAX_MESSAGES = 50

interface Outgoing extends ClusterMessage {
  readonly sent: () => void
  readonly failed: (error: unknown) => void
}

/** Sends messages in the order in which they are posted; those that wait go together. */
export class Outbox {
  readonly #mailbox: Pick<ClusterMailbox, 'send'>
  #waiting: Outgoing[] = []
  #sending: Promise<void> | undefined

  constructor(mailbox: Pick<ClusterMailbox, 'send'>) {
    this.#mailbox = mailbox
  }

  /** Resolves when the message is stored. */
  post(recipient: string, text: string): Promise<void> {
    return new Promise((sent, failed) => {
      this.#waiting.push({ recipient, text, sent, failed })
      this.#sending ??= this.#send()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#sending
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#next()
      try {
        await this.#mailbox.send(batch)
        for (const { sent } of batch) sent()
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#sending = undefined
  }

  #next(): Outgoing[] {
    let characters = 0
    const rest = this.#waiting.findIndex(({ text }, index) => {
      characters += text.length
      return index > 0 && (characters > MAX_CHARACTERS || index === MAX_MESSAGES)
    })
    return this.#waiting.splice(0, rest < 0 ? this.#waiting.length : rest)
  }
}
