/** A client for server-sent events. */
import type { IncomingHttpHeaders } from 'node:http'
import { onCleanUp } from './clean-up.ts'
import { open } from './http.ts'

export interface ReceivedEvent {
  readonly name: string
  readonly id: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

export interface Events {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** In order. */
  readonly received: ReceivedEvent[]
  /** How many comments have arrived. */
  comments: number
  /** Whether the stream has ended or was cut off. */
  isOver: boolean
  close(): void
}

/** Opens a stream; it is closed with its owner (see clean-up.ts). Resolves with the head of the answer. */
export async function openEvents(url: string, headers: Readonly<Record<string, string>>): Promise<Events> {
  const { outgoing, answer } = open(url, { headers: { accept: 'text/event-stream', ...headers } })
  outgoing.on('error', () => undefined)
  const incoming = await answer
  const events: Events = {
    ...{ status: incoming.statusCode ?? 0, headers: incoming.headers, received: [], comments: 0, isOver: false },
    close: () => outgoing.destroy(),
  }
  onCleanUp(events.close)
  let text = ''
  incoming.setEncoding('utf8')
  incoming.on('data', (part: string) => {
    const blocks = (text + part).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) receive(events, block)
  })
  incoming.on('error', () => undefined)
  incoming.on('close', () => {
    events.isOver = true
  })
  return events
}

function receive(events: Events, block: string): void {
  const fields = new Map(block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1, 3) as [string, string]))
  const data = fields.get('data')
  if (data === undefined) events.comments += 1
  else
    events.received.push({
      name: fields.get('event') ?? '',
      id: fields.get('id'),
      data: JSON.parse(data) as ReceivedEvent['data'],
    })
}
