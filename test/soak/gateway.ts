/**
 * The gateway under load, as a process of its own: run as `gateway.ts PROJECT`, with `--expose-gc` and an IPC channel.
 * Says `{ port }`, and after each message what it holds.
 */
import { readdirSync } from 'node:fs'
import { Server } from 'node:net'
import { Secret } from '../../lib/core/secret.ts'
import { Gateway } from '../../lib/gateway/gateway.ts'
import { createLog } from '../../lib/gateway/project/log.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { openProject } from '../../lib/gateway/project/project.ts'

/** What a process holds, when nothing is under way. */
export interface Holdings {
  /** After a collection, in megabytes. */
  readonly heap: number
  readonly resident: number
  /** Handles and requests of libuv. */
  readonly handles: number
  /** Descriptors, sockets most of all. */
  readonly files: number
  /** At its servers and at the process itself. */
  readonly listeners: number
}

const gateway = await Gateway.start({
  project: await openProject(process.argv[2] ?? ''),
  host: '127.0.0.1',
  port: 0,
  plugins: [packageRoot],
  administratorPassword: new Secret('openidm-admin'),
  log: createLog({ level: 'silent' }),
})
process.on('message', () => process.send?.(holdings()))
process.on('disconnect', () => void gateway.stop())
process.send?.({ port: Number(new URL(gateway.origins[0] ?? '').port) })

function holdings(): Holdings {
  for (let n = 0; n < 3; n++) globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const servers = activeHandles().filter((handle) => handle instanceof Server)
  return {
    heap: heapUsed / 1024 / 1024,
    resident: rss / 1024 / 1024,
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'Immediate').length,
    files: readdirSync('/proc/self/fd').length,
    listeners: [process, ...servers].reduce((sum, emitter) => sum + listenersOf(emitter), 0),
  }
}

/** Not in the types: the objects behind the handles, which is where listeners are. */
const activeHandles = (): NodeJS.EventEmitter[] => Reflect.get(process, '_getActiveHandles').call(process)

const listenersOf = (emitter: NodeJS.EventEmitter): number =>
  emitter.eventNames().reduce((sum, event) => sum + emitter.listenerCount(event), 0)
