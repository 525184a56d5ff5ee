import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { blocksFor, blocksOf } from '../helpers/markdown.ts'
import { people, start, USERS } from './stage.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/express-sync')
const AsyncFunction = (async () => undefined).constructor as new (
  ...parts: string[]
) => (...given: unknown[]) => unknown

async function remotes() {
  const [eu, us] = [await fakeIdm(), await fakeIdm()]
  eu.seed(USERS, people(3))
  us.seed(USERS, [])
  return { eu, us }
}

describe('docs/run-in-your-app.md', () => {
  const [mapping] = blocksOf('docs/run-in-your-app.md').filter(({ file }) => file === 'conf/sync.json')
  const [code] = blocksFor('reconcile')

  it('has a mapping and code that reconciles it', async () => {
    const { eu, us } = await remotes()
    const instance = { authType: 'basic', userName: 'a', password: 'b' }
    const dir = await tempDirWith({
      'conf/external.idm-eu.json': { ...instance, instanceUrl: eu.url },
      'conf/external.idm-us.json': { ...instance, instanceUrl: us.url },
      'conf/sync.json': mapping?.text,
    })
    const { idm } = await start({ one: eu, two: us, dir })
    const lines: unknown[][] = []
    await new AsyncFunction('idm', 'console', code?.text ?? '')(idm, {
      log: (...values: unknown[]) => lines.push(values),
    })
    assert.deepEqual([lines[0]?.[0], lines[0]?.[2]], ['SUCCESS', '3 were to be created'])
    assert.equal(us.ids(USERS).length, 3)
  })
})

describe('examples/express-sync', () => {
  it('has a configuration that copies people', async () => {
    const { eu, us } = await remotes()
    const dir = await tempDir()
    await cp(join(EXAMPLE, 'conf'), join(dir, 'conf'), { recursive: true })
    const env = { EU_URL: eu.url, US_URL: us.url, EU_PASSWORD: 'a', US_PASSWORD: 'b' }
    const { idm } = await start({ one: eu, two: us, dir }, { env })
    assert.equal((await idm.reconcile('people')).state, 'SUCCESS')
    assert.deepEqual(
      us.objects(USERS).map(({ sn }) => sn),
      ['Name 0', 'Name 1', 'Name 2'],
    )
  })
})
