import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const MODULE = new URL('../../lib/sync/runs/small-heap.ts', import.meta.url).href

/** Prints the greatest size of the young generation in MB while pages of objects come and go. */
const SCRIPT = (holds: boolean) => `
  import v8 from 'node:v8'
  import { setTimeout as delay } from 'node:timers/promises'
  const { keepHeapSmall } = await import('${MODULE}')
  const release = ${holds} ? keepHeapSmall() : () => {}
  const pages = []
  let most = 0
  for (let page = 0; page < 400; page++) {
    pages[page % 8] = Array.from({ length: 4000 }, (_, index) => ({ index, text: 'x' + index, list: [page, index] }))
    most = Math.max(most, v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size)
    if (page % 4 === 0) await delay(1)
    if (page === 40) await delay(200)
  }
  release()
  console.log(Math.round(most / 1024 / 1024))`

async function youngMegabytes(holds: boolean): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT(holds)])
  return Number(stdout)
}

describe('the heap during runs', () => {
  it('has a young generation that is neither as large as V8 likes it nor as small as it begins', async () => {
    const [held, usual] = [await youngMegabytes(true), await youngMegabytes(false)]
    assert.ok(held >= 16 && held <= 64, `${held} MB`)
    assert.ok(usual > held, `${held} MB, ${usual} MB without`)
  })
})
