import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerData } from '../thread/protocol.ts'

/** The entry of the database thread: the cache comes first, so that it serves all that is imported after it. */
const { compileCache } = workerData as WorkerData
if (compileCache !== undefined) enableCompileCache(compileCache)
const { serve } = await import('./server.ts')
if (parentPort) serve(parentPort)
