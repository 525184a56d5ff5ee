import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onCleanUp } from '../helpers/clean-up.ts'
import { spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'

/** Listens with the shortest queue there is, and then stands still: nobody takes connections out of it. */
const STANDSTILL = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write(server.address().port + '\\n', () => process.kill(process.pid, 'SIGSTOP'))
  })`

/** A port of loopback that answers no SYN: the queue of its listening socket is full. */
export async function startBlackHole(): Promise<number> {
  const child = spawnNode(['-e', STANDSTILL])
  const port = Number(await child.line(/^\d+$/))
  const fillers: Socket[] = []
  onCleanUp(() => {
    for (const socket of fillers) socket.destroy()
  })
  const connected = () => fillers.filter((socket) => !socket.connecting).length
  // As long as a connection is still made, the queue has room.
  for (let full = false; !full; ) {
    const before = connected()
    fillers.push(connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
    full = await until(() => connected() > before, 'connected', { timeoutMs: 150 }).then(
      () => false,
      () => true,
    )
  }
  return port
}

export interface Mute {
  readonly port: number
  /** How many connections are open. */
  readonly open: number
}

/** Accepts connections and never says a word, so that no TLS handshake comes to an end. */
export async function startMute(): Promise<Mute> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.resume().on('error', () => undefined))
    socket.on('close', () => sockets.delete(socket))
  })
  onCleanUp(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    get open() {
      return sockets.size
    },
  }
}
