import assert from 'node:assert/strict'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { substitute } from '../../lib/config/values/substitution/substitution.ts'
import { ValueSources } from '../../lib/config/values/substitution/value-sources.ts'
import { tempDirWith, writeConfigMap, writeFiles } from '../helpers/files.ts'

async function project(
  files: Readonly<Record<string, unknown>> = {},
  env: Readonly<Record<string, string>> = {},
  options: { secretsDirs?: string[] } = {},
) {
  const projectDir = await tempDirWith(files)
  const sources = new ValueSources({ projectDir, env, ...options })
  await sources.load()
  const resolve = (text: string) => substitute({ text }, sources, 'conf/x.json').text
  return { projectDir, sources, resolve }
}

describe('value sources: order', () => {
  /** Each line defines `a.b` at one place; each place counts before those below it. */
  const places: readonly (readonly [string, Record<string, unknown>, Record<string, string>])[] = [
    ['environment', {}, { A_B: 'environment' }],
    ['-D in OPENIDM_OPTS', {}, { OPENIDM_OPTS: '-Xmx1g "-Da.b=-D in OPENIDM_OPTS" -Dc=d' }],
    ['conf/system.properties', { 'conf/system.properties': 'a.b=conf/system.properties' }, {}],
    ['secrets', { 'secrets/a.b': 'secrets\n' }, { IDM_SECRETS_DIRS: 'secrets' }],
    [
      'first expression directory',
      { 'one/x.json': { a: { b: 'first expression directory' } } },
      { IDM_ENVCONFIG_DIRS: 'one,two' },
    ],
    [
      'second expression directory',
      { 'two/x.properties': 'a.b: second expression directory' },
      { IDM_ENVCONFIG_DIRS: 'one, two' },
    ],
    ['conf/boot/boot.properties', { 'conf/boot/boot.properties': 'a.b=conf/boot/boot.properties' }, {}],
    ['conf/config.properties', { 'conf/config.properties': 'a.b conf/config.properties' }, {}],
  ]
  for (const [index, [name]] of places.entries())
    it(`${name} counts before what comes later`, async () => {
      const from = places.slice(index)
      const files = Object.assign({}, ...from.map(([, content]) => content))
      const env = Object.assign({}, ...from.map(([, , variables]) => variables))
      const { resolve } = await project(files, env)
      assert.equal(resolve('&{a.b|default}'), name)
    })

  it('a value that refers to its own token means what the next source says', async () => {
    const { projectDir, resolve } = await project({
      'conf/system.properties': 'launcher.install.location=&{launcher.install.location}\nport=&{port}0\nhost=&{host|h}',
      'resolver/boot.properties': 'port=844',
    })
    assert.equal(resolve('&{launcher.install.location}/bin'), `${projectDir}/bin`)
    assert.equal(resolve('&{port} &{host}'), '8440 h')
  })

  it('an inline default counts last', async () => {
    const { resolve } = await project({ 'resolver/boot.properties': 'openidm.keystore.password=from-boot' })
    assert.equal(resolve('&{openidm.keystore.password|changeit}'), 'from-boot')
    assert.equal(resolve('&{openidm.truststore.password|changeit}'), 'changeit')
  })

  it('the server knows its directories, and anything may define them anew', async () => {
    const { projectDir, resolve } = await project()
    for (const token of ['idm.install.dir', 'idm.data.dir', 'idm.instance.dir'])
      assert.equal(resolve(`&{${token}}`), projectDir)
    assert.equal(resolve('&{idm.envconfig.dirs}'), `${projectDir}/resolver/`)
    const other = await project({ 'conf/system.properties': 'idm.data.dir=/data' }, { IDM_INSTALL_DIR: '/opt/idm' })
    assert.equal(other.resolve('&{idm.install.dir} &{idm.data.dir}'), '/opt/idm /data')
  })
})

describe('value sources: expression files', () => {
  it('reads JSON by nested path', async () => {
    const json = { remote: { eu: { port: 8443, on: true, scope: ['a', 'b'], none: null }, 'us.host': 'us' }, text: 'é' }
    const { resolve, sources } = await project({ 'resolver/values.json': json })
    assert.equal(resolve('&{remote.eu.port} &{remote.eu.on} &{remote.us.host} &{text}'), '8443 true us é')
    assert.equal(resolve('&{remote.eu.scope}'), '["a","b"]')
    assert.equal(sources.lookup('remote.eu.none'), undefined)
    assert.equal(sources.lookup('remote.eu'), undefined)
  })

  it('looks in neither subdirectories, other files nor hidden ones', async () => {
    const line = 'a=1'
    const { sources } = await project({
      'resolver/sub/x.properties': line,
      'resolver/x.txt': line,
      'resolver/.x.properties': line,
    })
    assert.equal(sources.lookup('a'), undefined)
  })

  it('takes the directories of a system property, relative to the project', async () => {
    const { resolve } = await project({
      'conf/system.properties': 'idm.envconfig.dirs=&{idm.install.dir}/one,two',
      'one/x.properties': 'a=1',
      'two/x.properties': 'a=2\nb=2',
    })
    assert.equal(resolve('&{a}&{b}'), '12')
  })

  it('refuses a token that two files of one directory define, naming both; others count', async () => {
    const { projectDir, resolve } = await project({ 'resolver/a.properties': 'x=1\ny=1', 'resolver/b.json': { x: 2 } })
    const [a, b] = ['a.properties', 'b.json'].map((name) => join(projectDir, 'resolver', name))
    assert.throws(() => resolve('&{x|default}'), {
      message: `conf/x.json: text: &{x} is defined twice: in ${a} and in ${b}`,
    })
    assert.equal(resolve('&{y}'), '1')
  })

  it('does not guess past a broken file, and tells without quoting it', async () => {
    const { projectDir, resolve } = await project(
      { 'resolver/bad.json': '{"a": canary}', 'resolver/good.properties': 'b=1', 'conf/config.properties': 'a=lower' },
      { C: 'environment' },
    )
    assert.throws(
      () => resolve('&{a|default}'),
      (error: Error) => {
        assert(
          error.message.startsWith(`conf/x.json: text: ${join(projectDir, 'resolver/bad.json')}: line 1`),
          error.message,
        )
        assert(!error.message.includes('canary'))
        return true
      },
    )
    assert.equal(resolve('&{b}&{c}'), '1environment')
  })

  it('names the line of a broken .properties file', async () => {
    const { resolve } = await project({ 'conf/system.properties': 'a=1\nb=\\u12\n' })
    assert.throws(() => resolve('&{a}'), /system\.properties: line 2: a unicode escape/)
  })

  it('takes names of a prototype for names like any other', async () => {
    const { resolve } = await project({ 'resolver/odd.json': '{"__proto__":{"a":"1"}}' })
    assert.throws(() => resolve('&{a}'), /&\{a\} has no value/)
    assert.equal(resolve('&{__proto__.a}'), '1')
    const properties = await project({ 'resolver/x.properties': '__proto__=1\nconstructor=2' })
    assert.equal(properties.resolve('&{__proto__}&{constructor}'), '12')
  })
})

describe('value sources: one file for each secret', () => {
  it('drops one line break, keeps the rest, and evaluates nothing', async () => {
    const { resolve } = await project(
      { 'run/plain': 'p', 'run/unix': 'p\n', 'run/windows': 'p\r\n', 'run/two': 'p\n\n', 'run/look.alike': '&{plain}' },
      {},
      { secretsDirs: ['run'] },
    )
    assert.equal(resolve('&{plain}|&{unix}|&{windows}|&{two}|&{look.alike}'), 'p|p|p|p\n|&{plain}')
  })

  it('reads a Kubernetes mount', async () => {
    const { projectDir, sources, resolve } = await project({}, { IDM_SECRETS_DIRS: 'mount' })
    await mkdir(join(projectDir, 'mount'))
    await writeConfigMap(join(projectDir, 'mount'), { 'remote.eu.password': 'one\n' })
    await sources.load()
    assert.equal(resolve('&{remote.eu.password}'), 'one')
    await writeConfigMap(join(projectDir, 'mount'), { 'remote.eu.password': 'two\n' })
    await sources.load()
    assert.equal(resolve('&{remote.eu.password}'), 'two')
  })

  it('lets no token leave the directory', async () => {
    const { projectDir, sources } = await project(
      { 'run/a': '1', canary: 'canary', 'run/sub/b': '2' },
      {},
      { secretsDirs: ['run'] },
    )
    for (const token of ['../canary', 'sub/b', './a', '.', '..', `${projectDir}/canary`, 'a\0', 'sub', ''])
      assert.equal(sources.lookup(token), undefined, token)
  })

  it('fails only for the secret that is too large, no text, or a dangling link', async () => {
    const { projectDir, sources, resolve } = await project(
      { 'run/large': 'x'.repeat(65 * 1024), 'run/binary': Buffer.from([0xff, 0xfe]), 'run/good': 'ok' },
      {},
      { secretsDirs: ['run'] },
    )
    await symlink('nowhere', join(projectDir, 'run/dangling'))
    await sources.load()
    assert.throws(() => resolve('&{large}'), /run\/large: the file is larger than 64 KB/)
    assert.throws(() => resolve('&{binary}'), /run\/binary: the file is not UTF-8 text/)
    assert.equal(resolve('&{good}&{dangling|-}'), 'ok-')
  })
})

describe('value sources: what to watch, where it looks', () => {
  it('lists files and directories, also those that are not there yet', async () => {
    const { projectDir, sources } = await project(
      {},
      { IDM_ENVCONFIG_DIRS: '/etc/idm,local', IDM_SECRETS_DIRS: '/run/secrets' },
    )
    assert.deepEqual(sources.files(), [
      join(projectDir, 'conf/system.properties'),
      '/run/secrets',
      '/etc/idm',
      join(projectDir, 'local'),
      join(projectDir, 'conf/boot/boot.properties'),
      join(projectDir, 'conf/config.properties'),
    ])
  })

  it('says where a token was looked for', async () => {
    const { projectDir, resolve } = await project({ 'resolver/a.json': {}, 'run/x': '' }, {}, { secretsDirs: ['run'] })
    assert.throws(
      () => resolve('&{remote.eu.password}'),
      (error: Error) => {
        for (const place of [
          'environment variable REMOTE_EU_PASSWORD,',
          '-D in OPENIDM_OPTS,',
          `${projectDir}/conf/system.properties (absent),`,
          `${projectDir}/run/remote.eu.password,`,
          `${projectDir}/resolver/*.properties and *.json,`,
          `${projectDir}/conf/config.properties (absent),`,
        ])
          assert(error.message.includes(place), `${place} in: ${error.message}`)
        return true
      },
    )
  })

  it('takes changes up with the next load, and only then', async () => {
    const { projectDir, sources, resolve } = await project({ 'resolver/a.properties': 'a=1' })
    await writeFiles(projectDir, { 'resolver/a.properties': 'a=2' })
    assert.equal(resolve('&{a}'), '1')
    await sources.load()
    assert.equal(resolve('&{a}'), '2')
    await rm(join(projectDir, 'resolver'), { recursive: true })
    await sources.load()
    assert.equal(sources.lookup('a'), undefined)
  })

  it('says that the directories cannot be known', async () => {
    const { resolve } = await project({ 'conf/system.properties': 'idm.envconfig.dirs=&{missing}' }, { A: '1' })
    assert.equal(resolve('&{a}'), '1')
    assert.throws(() => resolve('&{b}'), /idm\.envconfig\.dirs: &\{missing\} has no value/)
  })
})
