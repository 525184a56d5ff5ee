import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const BUILD = fileURLToPath(new URL('../../lib/console/page/build.js', import.meta.url))

/** The page as its sources are now. */
export async function buildConsole(): Promise<void> {
  await promisify(execFile)(process.execPath, [BUILD])
}
