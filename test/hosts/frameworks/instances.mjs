import { createInterface } from 'node:readline'
import { externalIdm as start } from '../../../lib/index.ts'

/** Closes its instances when the word `close` comes in, and says so. */
export async function externalIdm(options) {
  const idm = await start(options)
  createInterface({ input: process.stdin }).on('line', async (line) => {
    if (line !== 'close') return
    await idm.close()
    process.stdout.write('closed\n')
  })
  return idm
}
