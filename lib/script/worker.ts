/** The thread that scripts run in: takes one job after the other from its owner (see thread.ts). */
import { workerData } from 'node:worker_threads'
import type { Job, ThreadData } from './protocol.ts'
import { Sandbox } from './sandbox.ts'
import { Host } from './worker-host.ts'
import { runJob } from './worker-run.ts'

/** A thread whose engine has grown beyond this is replaced: WebAssembly's memory never shrinks. */
const WORN_BYTES = 32 * 1024 * 1024

const { engine, signals } = workerData as ThreadData
const host = new Host(signals)
const sandbox = await Sandbox.create({ engine, host })

host.onJob((job: Job) => {
  runJob(sandbox, host, job)
  idle()
})
idle()

function idle(): void {
  host.post({ kind: 'idle', worn: sandbox.isBroken || sandbox.memoryBytes > WORN_BYTES })
}
