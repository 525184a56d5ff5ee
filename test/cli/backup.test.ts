import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import { generateKey } from '../../lib/config/values/crypto/crypto.ts'
import { takeOwnership } from '../../lib/gateway/ownership.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { tempRepository } from '../repo/repositories.ts'

async function run(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const writer = (lines: string[]) => ({ write: (text: string) => void lines.push(text) })
  const io = { stdin: Readable.from([]), stdout: writer(out), stderr: writer(err), env: {}, cwd: '/' }
  const code = await main(args, io)
  return { code, out: out.join(''), err: err.join('') }
}

const KEY = `${generateKey('one')}\n`

async function project(extra: Readonly<Record<string, string>> = {}) {
  const dir = await tempDirWith({
    'conf/sync.json': { mappings: [] },
    'conf/deep/note.txt': 'deep',
    'conf/.x.json.0123456789abcdef.draft': 'half',
    'security/crypto.keys': KEY,
    'security/truststore.pem': 'pem',
    'script/a.js': 'a',
    ...extra,
  })
  const file = join(dir, 'db', 'openidm.db')
  const repository = await tempRepository({ file })
  await (await repository.store('managed/user')).insert('bo', { userName: 'bo' })
  return { dir, repository }
}

async function users(dir: string): Promise<string[]> {
  const repository = await tempRepository({ file: join(dir, 'db', 'openidm.db') })
  const store = await repository.store('managed/user')
  const found = await store.get('bo').then(
    ({ content }) => [String(content.userName)],
    () => [],
  )
  await repository.close()
  return found
}

const backupOf = async (dir: string, ...more: string[]) => {
  const backup = join(await tempDir(), 'backup')
  return { backup, ...(await run('project', 'backup', backup, '--project', dir, ...more)) }
}

describe('project backup', () => {
  it('has what is in the write-ahead log, and files that only their owner reads', async () => {
    const { dir } = await project()
    assert.ok(statSync(join(dir, 'db/openidm.db-wal')).size > 0)
    const { backup, code, out } = await backupOf(dir)
    assert.deepEqual([code, out], [0, `${backup}: 5 files\n`])
    const names = (readdirSync(backup, { recursive: true }) as string[]).sort()
    assert.deepEqual(names, [
      ...['conf', 'conf/deep', 'conf/deep/note.txt', 'conf/sync.json', 'db', 'db/openidm.db', 'manifest.json'],
      ...['resolver', 'script', 'script/a.js', 'security', 'security/truststore.pem'],
    ])
    for (const name of names) {
      const stats = statSync(join(backup, name))
      assert.equal(stats.mode & 0o777, stats.isDirectory() ? 0o700 : 0o600, name)
    }
    assert.deepEqual(await users(backup), ['bo'])
  })

  it('leaves the keys out, and says so, unless it is told otherwise', async () => {
    const { dir } = await project()
    const without = await backupOf(dir)
    assert.equal(existsSync(join(without.backup, 'security/crypto.keys')), false)
    assert.match(without.err, /^Without keys: back up security\/crypto\.keys separately/)
    const withKeys = await backupOf(dir, '--with-keys')
    assert.equal(readFileSync(join(withKeys.backup, 'security/crypto.keys'), 'utf8'), KEY)
    assert.equal(withKeys.err, '')
  })

  it('replaces nothing, and leaves nothing behind when it fails', async () => {
    const { dir, repository } = await project()
    await repository.close()
    const parent = await tempDirWith({ 'backup/x': 'x' })
    const taken = await run('project', 'backup', join(parent, 'backup'), '--project', dir)
    assert.equal(taken.code, 1)
    assert.match(taken.err, /backup: exists already/)
    writeFileSync(join(dir, 'db/openidm.db'), 'no database'.repeat(500))
    const broken = await run('project', 'backup', join(parent, 'other'), '--project', dir)
    assert.equal(broken.code, 1)
    assert.deepEqual(readdirSync(parent), ['backup'])
    const inside = await run('project', 'backup', join(dir, 'conf/backup'), '--project', dir)
    assert.match(inside.err, /is in conf\/ of the project/)
  })

  it('is made while a gateway runs, which goes on', async function () {
    this.timeout(120_000)
    const { call, project: dir } = await startGatewayProcess({})
    const content = (id: string) => ({ userName: id, givenName: id, sn: id, mail: `${id}@example.com` })
    const put = (id: string) => call(`managed/user/${id}`, { method: 'PUT', json: content(id) })
    const { status, text } = await put('bo')
    assert.equal(status, 201, text)
    const { backup, code, err } = await backupOf(dir)
    assert.equal(code, 0, err)
    assert.equal((await put('cy')).status, 201)
    assert.deepEqual(await users(backup), ['bo'])
  })
})

describe('project restore', () => {
  it('brings the project back, with the keys of the project where the backup has none', async () => {
    const { dir, repository } = await project()
    const { backup } = await backupOf(dir)
    await repository.close()
    writeFileSync(join(dir, 'conf/sync.json'), '{}')
    const refused = await run('project', 'restore', backup, '--project', dir)
    assert.equal(refused.code, 1)
    assert.match(refused.err, /has conf, security, script, db\/openidm\.db.* already; --force/)
    const { code, out, err } = await run('project', 'restore', backup, '--project', dir, '--force')
    assert.deepEqual([code, err], [0, ''])
    const [, aside = ''] = /What was there is in (.*)\n/.exec(out) ?? []
    assert.equal(readFileSync(join(aside, 'conf/sync.json'), 'utf8'), '{}')
    assert.ok(existsSync(join(aside, 'db/openidm.db')))
    assert.match(readFileSync(join(dir, 'conf/sync.json'), 'utf8'), /mappings/)
    assert.equal(readFileSync(join(dir, 'security/crypto.keys'), 'utf8'), KEY)
    assert.deepEqual(await users(dir), ['bo'])
  })

  it('makes a project where there is none', async () => {
    const { dir } = await project()
    const { backup } = await backupOf(dir)
    const fresh = join(await tempDir(), 'fresh')
    const { code, err } = await run('project', 'restore', backup, '--project', fresh)
    assert.equal(code, 0, err)
    assert.match(err, /The backup has no keys: put security\/crypto\.keys back/)
    assert.deepEqual(await users(fresh), ['bo'])
    assert.deepEqual(readdirSync(fresh).sort(), ['conf', 'db', 'resolver', 'script', 'security'])
  })

  const MOVED = ['conf', 'security', 'script', 'db/openidm.db']
  for (let moved = 0; moved <= MOVED.length; moved++)
    it(`that ended after ${moved} of its moves is undone by the next one; nothing works on the project before`, async () => {
      const { dir, repository } = await project()
      const { backup } = await backupOf(dir)
      await repository.close()
      writeFileSync(join(dir, 'script/a.js'), 'newer')
      mkdirSync(join(dir, 'before-restore-1/db'), { recursive: true })
      mkdirSync(join(dir, '.restore-1/conf'), { recursive: true })
      writeFileSync(join(dir, 'db/restore.json'), JSON.stringify({ aside: 'before-restore-1', present: MOVED }))
      for (const path of MOVED.slice(0, moved)) renameSync(join(dir, path), join(dir, 'before-restore-1', path))
      if (moved === MOVED.length) for (const path of ['conf', 'resolver']) mkdirSync(join(dir, path))
      for (const args of [
        ['secret', 'rotate'],
        ['recon', 'status'],
        ['start', '--port', '0'],
      ]) {
        const { code, err } = await run(...args, '--project', dir)
        assert.equal(code, 1, args.join(' '))
        assert.match(err, /project restore was interrupted: restore the backup again/)
      }
      const unforced = await run('project', 'restore', backup, '--project', dir)
      assert.match(unforced.err, /already; --force/)
      assert.equal(readFileSync(join(dir, 'script/a.js'), 'utf8'), 'newer')
      assert.deepEqual(readdirSync(dir).sort(), ['conf', 'db', 'script', 'security'])
      assert.deepEqual(await users(dir), ['bo'])
      const { code, out } = await run('project', 'restore', backup, '--project', dir, '--force')
      assert.equal(code, 0)
      const [, aside = ''] = /What was there is in (.*)\n/.exec(out) ?? []
      assert.equal(readFileSync(join(aside, 'script/a.js'), 'utf8'), 'newer')
      assert.equal(readFileSync(join(dir, 'security/crypto.keys'), 'utf8'), KEY)
      assert.equal(existsSync(join(dir, 'db/restore.json')), false)
    })

  const damages: [string, (backup: string) => void, RegExp][] = [
    ['a file was changed', (dir) => writeFileSync(join(dir, 'script/a.js'), 'b'), /script\/a\.js is not as it was/],
    ['there is no manifest', (dir) => chmodless(join(dir, 'manifest.json')), /is not the manifest of a backup/],
    ['the manifest names a file elsewhere', (dir) => edit(dir, 'script/a.js', 'script/../../x'), /is not the manifest/],
    ['the manifest names a file that is missing', (dir) => edit(dir, 'script/a.js', 'script/b.js'), /script\/b\.js/],
  ]
  for (const [name, damage, message] of damages)
    it(`changes nothing when ${name}`, async () => {
      const { dir, repository } = await project()
      const { backup } = await backupOf(dir)
      await repository.close()
      damage(backup)
      const before = (readdirSync(dir, { recursive: true }) as string[]).sort()
      const { code, err } = await run('project', 'restore', backup, '--project', dir, '--force')
      assert.equal(code, 1)
      assert.match(err, message)
      const after = (readdirSync(dir, { recursive: true }) as string[]).sort()
      assert.deepEqual(
        after.filter((path) => !path.includes('owner.')),
        before.filter((path) => !path.includes('owner.')),
      )
      assert.deepEqual(await users(dir), ['bo'])
    })

  it('is refused while another process owns the project', async () => {
    const { dir } = await project()
    const { backup } = await backupOf(dir)
    const ownership = await takeOwnership({ dir, db: join(dir, 'db') }, 'gateway')
    const { code, err } = await run('project', 'restore', backup, '--project', dir, '--force')
    ownership.release()
    assert.equal(code, 1)
    assert.match(err, /owns this project/)
  })
})

const chmodless = (file: string) => {
  chmodSync(file, 0o600)
  writeFileSync(file, '{}')
}

function edit(backup: string, from: string, to: string): void {
  const file = join(backup, 'manifest.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
}
