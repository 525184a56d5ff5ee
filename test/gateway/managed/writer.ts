/**
 * Writes managed users until it is killed: `writer.ts FILE RUN`. Before each write it prints what it is about to store,
 * after it that it was acknowledged. Several write at the same time, each its own users.
 */
import { connect } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import { managedObjects } from '../../../lib/gateway/managed/managed.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { silent } from '../../repo/repositories.ts'
import { fixedConfiguration } from './fixed-configuration.ts'
import { fixedKeys } from './keys.ts'
import type { Step } from './written-users.ts'

const [file = '', run = ''] = process.argv.slice(2)
const WRITERS = 4

const repository = await openRepository({ file, log: silent })
const router = new ResourceRouter()
await managedObjects({ router, repository, configuration: fixedConfiguration(), keys: fixedKeys(), log: silent })
const openidm = connect(router, {})

const say = (step: Step): boolean => process.stdout.write(`${JSON.stringify(step)}\n`)

async function write(id: string, sn: string | null, work: () => Promise<unknown>): Promise<void> {
  say({ id, sn, isDone: false })
  await work()
  say({ id, sn, isDone: true })
}

async function writeOn(writer: number): Promise<void> {
  for (let count = 0; ; count++) {
    const id = `${run}-${writer}-${count}`
    const path = `managed/user/${id}`
    const content = { userName: id, givenName: 'x', sn: 'made', mail: 'x@example.net' }
    await write(id, 'made', () => openidm.create('managed/user', id, content))
    if (count % 2 === 0)
      await write(id, 'changed', () =>
        openidm.patch(path, null, [{ operation: 'replace', field: 'sn', value: 'changed' }]),
      )
    if (count % 3 === 0) await write(id, null, () => openidm.delete(path, null))
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeOn(writer)))
