import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** A request as Node's server would hand it over, with what a host has put on it. */
export function incoming(
  members: { method?: string; url?: string; headers?: IncomingMessage['headers']; [member: string]: unknown } = {},
  socket = new Socket(),
): IncomingMessage {
  return Object.assign(new IncomingMessage(socket), { method: 'GET', url: '/', ...members })
}
