import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import { decrypt, encrypt, generateKey, hash, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { openRepository } from '../../lib/repo/open.ts'
import { newRow } from '../../lib/repo/runs/run-row.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { keysOf, silent } from '../repo/repositories.ts'

const [ONE, TWO, LOST] = ['one', 'two', 'lost'].map((id) => generateKey(id)) as [string, string, string]
const sealed = (value: string, key: string) => encrypt(value, parseKeys(key, 'test'))

async function project(objects: Readonly<Record<string, readonly JsonObject[]>>) {
  const dir = await tempDirWith({ 'conf/x.json': {}, 'security/crypto.keys': `${TWO}\n${ONE}\n`, 'db/x': '' })
  const repository = await openRepository({ file: join(dir, 'db', 'openidm.db'), log: silent })
  onCleanUp(() => repository.close())
  for (const [type, list] of Object.entries(objects)) {
    const store = await repository.store(type, { indexes: ['userName'] })
    for (const { _id, ...content } of list) await store.insert(String(_id), content)
  }
  const rotate = async () => {
    const [out, err]: [string[], string[]] = [[], []]
    const writer = (lines: string[]) => ({ write: (text: string) => void lines.push(text) })
    const stdin = Readable.from([])
    const args = ['secret', 'rotate', '--project', dir]
    const code = await main(args, { stdin, stdout: writer(out), stderr: writer(err), env: {}, cwd: dir })
    return { code, out: out.join(''), err: err.join('') }
  }
  const contentOf = async (type: string, id: string) =>
    (await (await repository.store(type, { indexes: ['userName'] })).get(id)).content
  return { dir, rotate, contentOf }
}

describe('secret rotate and stored objects', () => {
  it('encrypts them anew, so that the old key can be taken away', async () => {
    const pin = await hash('1', 'SHA-256')
    const { rotate, contentOf } = await project({
      'managed/user': [
        { _id: 'bo', userName: 'bo', password: sealed('Passw0rd!', ONE), pin },
        { _id: 'cy', userName: 'cy', password: sealed('Passw0rd!', TWO) },
        { _id: 'di', userName: '"$crypto"' },
      ],
      'managed/withdrawn': [{ _id: 'x', deep: { list: [sealed('y', ONE)] } }],
    })
    const untouched = [await contentOf('managed/user', 'cy'), await contentOf('managed/user', 'di')]
    const out = 'managed/user: 1 encrypted anew\nmanaged/withdrawn: 1 encrypted anew\n'
    assert.deepEqual(await rotate(), { code: 0, out, err: '' })
    const onlyTwo = parseKeys(TWO, 'test')
    const bo = await contentOf('managed/user', 'bo')
    assert.deepEqual([decrypt(bo.password ?? null, onlyTwo), bo.pin], ['Passw0rd!', pin])
    const { deep } = await contentOf('managed/withdrawn', 'x')
    assert.equal(decrypt((deep as { list: JsonObject[] }).list[0] ?? null, onlyTwo), 'y')
    assert.deepEqual([await contentOf('managed/user', 'cy'), await contentOf('managed/user', 'di')], untouched)
    assert.deepEqual(await rotate(), { code: 0, out: '', err: '' })
  })

  it('encrypts the keys of reconciliations anew, so that plans are readable without the old key', async () => {
    const { dir, rotate } = await project({})
    const file = join(dir, 'db', 'openidm.db')
    const open = async (...keys: string[]) => {
      const repository = await openRepository({ file, log: silent, keys: keysOf(...keys) })
      onCleanUp(() => repository.close())
      return repository
    }
    const before = await open(ONE)
    const run = { id: 'r', mapping: 'm', state: 'SUCCESS', isAnalysis: true, persists: true, content: { secret: 'x' } }
    const number = await before.runs().insert(run)
    const changes = [{ field: '/mail', from: null, to: 'bo@example.com' }]
    await before
      .runs()
      .rows(number)
      .add([newRow({ phase: 'source', qualifier: 'default', changes })], true)
    await before.close()
    assert.deepEqual(await rotate(), {
      code: 0,
      out: 'keys of reconciliations and queued changes: 1 encrypted anew\n',
      err: '',
    })
    const after = (await open(TWO)).runs()
    assert.deepEqual((await after.find('r'))?.content, { secret: 'x' })
    assert.deepEqual((await after.rows(number).after(0, 1))[0]?.changes, changes)
    assert.deepEqual(await rotate(), { code: 0, out: '', err: '' })
  })

  it('names what cannot be decrypted, leaves it as it is, and goes on', async () => {
    const lost = sealed('x', LOST)
    const { rotate, contentOf } = await project({
      'managed/user': [
        { _id: 'bo', userName: 'bo', password: lost },
        { _id: 'cy', userName: 'cy', password: sealed('Passw0rd!', ONE) },
      ],
    })
    const { code, out, err } = await rotate()
    assert.deepEqual([code, out], [1, 'managed/user: 1 encrypted anew\n'])
    assert.match(err, /^managed\/user\/bo: is encrypted with the key "lost"/)
    assert.match(err, /These stay as they are: keep the keys that they need\.\n$/)
    assert.deepEqual((await contentOf('managed/user', 'bo')).password, lost)
  })

  it('makes no database where there is none', async () => {
    const dir = await tempDirWith({ 'conf/x.json': {}, 'security/x': '' })
    await writeFile(join(dir, 'security', 'crypto.keys'), `${ONE}\n`)
    const nowhere = { write: () => undefined }
    const args = ['secret', 'rotate', '--project', dir]
    assert.equal(await main(args, { stdin: Readable.from([]), stdout: nowhere, stderr: nowhere, env: {}, cwd: dir }), 0)
    await assert.rejects(stat(join(dir, 'db')), { code: 'ENOENT' })
  })
})
