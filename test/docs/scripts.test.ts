import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { Secret } from '../../lib/core/secret.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { Gateway } from '../../lib/gateway/gateway.ts'
import { createLog } from '../../lib/gateway/project/log.ts'
import { openProject } from '../../lib/gateway/project/project.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith, writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { acceptsBasic, basic, startCrestServer } from '../remote/resource-parts.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = 'docs/scripts.md'
const shell = promisify(execFile)
/** The files that the page shows, each below a line with its name. */
const FILES = Object.fromEntries(
  [...blocksFor('file'), ...['endpoint', 'managed', 'router'].flatMap((kind) => blocksFor(kind))]
    .filter(({ page }) => page === PAGE)
    .map(({ file = '', text }) => [file, text]),
)

/** A gateway with these files, whose remote `platform` has two users. */
async function startAsWritten(): Promise<string> {
  const url = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': new MemoryCollection() } })
  const project = await openProject(await tempDirWith({}))
  await writeFiles(project.dir, FILES)
  await writeFiles(project.conf, { 'external.idm-platform.json': basic(url) })
  const gateway = await Gateway.start({
    project,
    host: '127.0.0.1',
    port: 0,
    plugins: [ROOT],
    administratorPassword: new Secret('openidm-admin'),
    log: createLog({ level: 'silent' }),
  })
  onCleanUp(() => gateway.stop())
  for (const userName of ['bjensen', 'amira']) {
    const user = { userName, mail: `${userName}@example.com`, telephoneNumber: '123' }
    await gateway.connection.create('external/idm/platform/managed/user', userName, user)
  }
  return gateway.origins[0] ?? ''
}

describe(PAGE, () => {
  it('has commands that answer as they stand', async function () {
    const hasCurl = await shell('curl', ['--version']).catch(() => undefined)
    if (!hasCurl) this.skip()
    const origin = await startAsWritten()
    for (const { text } of blocksFor('endpoint-people')) {
      const commands = text
        .replaceAll('https://localhost:8443', origin)
        .replaceAll('curl ', 'curl --silent --fail-with-body ')
      const { stdout } = await shell('sh', ['-e', '-c', commands])
      assert.doesNotMatch(stdout, /"code":[45]\d\d/)
    }
  })

  it('has files that do what it says', async () => {
    const origin = await startAsWritten()
    const call = async (path: string, method = 'GET', json?: JsonObject): Promise<[number, JsonObject]> => {
      const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }
      const answer = await request(`${origin}/openidm/${path}`, { method, headers, ...(json && { json }) })
      return [answer.status, answer.json as JsonObject]
    }
    assert.deepEqual(await call('endpoint/people'), [200, { _id: '', count: 2, max: 100 }])
    const [, people] = await call('endpoint/people?_queryFilter=mail+pr')
    const names = (people.result as JsonObject[]).map(({ userName }) => userName as Json)
    assert.deepEqual(names, ['amira', 'bjensen'])
    const detail = { method: 'delete' }
    const [status, refused] = await call('endpoint/people', 'DELETE')
    assert.deepEqual([status, refused.message, refused.detail], [405, 'delete is not for people', detail])

    const [created, account] = await call('managed/account?_action=create&_id=a', 'POST', { userName: 'amira' })
    assert.deepEqual([created, account.mail], [201, 'amira@example.com'])
    const [forbidden, { message }] = await call('managed/account?_action=create', 'POST', { userName: 'nobody' })
    assert.deepEqual([forbidden, message], [403, 'nobody is not known at platform'])
    const [, { greeting }] = await call('managed/account/a?_action=greet', 'POST', {})
    assert.equal(greeting, 'Hello amira')

    const [, { telephoneNumber, mail }] = await call('external/idm/platform/managed/user/amira')
    assert.deepEqual([telephoneNumber, mail], [undefined, 'amira@example.com'])
    const [kept, why] = await call('external/idm/platform/managed/user/amira', 'DELETE')
    assert.deepEqual([kept, why.message], [403, 'nobody is deleted from here'])
  })
})
