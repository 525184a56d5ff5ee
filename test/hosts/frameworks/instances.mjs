import { createInterface } from 'node:readline'
import { externalIdm as start } from '../../../lib/index.ts'
import { managed } from '../management.ts'

/** Has management as all hosts of the suite; closes its instances when the word `close` comes in, and says so. */
export async function externalIdm(options) {
  const idm = await start({ ...managed('db/openidm.db'), ...options })
  createInterface({ input: process.stdin }).on('line', async (line) => {
    if (line !== 'close') return
    await idm.close()
    process.stdout.write('closed\n')
  })
  return idm
}
