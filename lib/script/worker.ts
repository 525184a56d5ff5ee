/** The thread that scripts run in: takes one job after the other from its owner (see thread.ts). */
import { workerData } from 'node:worker_threads'
import type { Job, ThreadData } from './protocol.ts'
import { Sandbox } from './sandbox.ts'
import { Host } from './worker-host.ts'
import { runJob } from './worker-run.ts'

const { engine, signals } = workerData as ThreadData
const host = new Host(signals)
const sandbox = await Sandbox.create({ engine, host })

host.onJob((job: Job) => runJob(sandbox, host, job))
host.post({ kind: 'idle', worn: false })
