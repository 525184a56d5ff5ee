/** The worker thread of scripts: executes the jobs of its owner one at a time (see thread.ts). */
import { workerData } from 'node:worker_threads'
import type { Job, ThreadData } from '../protocol.ts'
import { Host } from './host.ts'
import { runJob } from './run.ts'
import { Sandbox } from './sandbox.ts'

const { engine, signals } = workerData as ThreadData
const host = new Host(signals)
const sandbox = await Sandbox.create({ engine, host })

host.onJob((job: Job) => runJob(sandbox, host, job))
host.post({ kind: 'idle', worn: false })
