import assert from 'node:assert/strict'
import { join } from 'node:path'
import { HostConfiguration } from '../../lib/gateway/configuration/host-configuration.ts'
import { repositoryPlace } from '../../lib/gateway/configuration/repository-settings.ts'
import { createLog } from '../../lib/gateway/project/log.ts'
import { openProject } from '../../lib/gateway/project/project.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'

type Env = Readonly<Record<string, string | undefined>>

async function placeOf(conf: Readonly<Record<string, unknown>>, env: Env = {}) {
  const files = Object.entries(conf).map(([name, content]) => [`conf/${name}`, content])
  const project = await openProject(await tempDirWith(Object.fromEntries(files)))
  const configuration = new HostConfiguration({ project, env, log: createLog({ level: 'silent' }) })
  onCleanUp(() => configuration.dispose())
  await configuration.start()
  return { place: repositoryPlace(project, configuration, env), file: join(project.db, 'openidm.db') }
}

const DEFAULTS = {
  schema: 'external_idm',
  size: 10,
  connectTimeoutMs: 5000,
  idleTimeoutMs: 30_000,
  statementTimeoutMs: 60_000,
}

const REPO_JDBC = { dbType: 'POSTGRESQL', useDataSource: 'default' }
const DATASOURCE = {
  jdbcUrl: 'jdbc:postgresql://&{openidm.repo.host|db}:5433/openidm?ssl=true&currentSchema=openidm',
  username: 'openidm',
  password: 'of idm',
  connectionTimeout: 7000,
  connectionPool: { type: 'hikari', minimumIdle: 2, maximumPoolSize: 20 },
}

describe('the repository of a project', () => {
  it('is a file unless repo.json says otherwise, whatever files of IDM say', async () => {
    for (const conf of [
      {},
      { 'repo.json': { type: 'sqlite' } },
      { 'repo.jdbc.json': REPO_JDBC, 'datasource.jdbc-default.json': DATASOURCE },
    ]) {
      const { place, file } = await placeOf(conf)
      assert.deepEqual(place, { file })
    }
  })

  it('is on the server that repo.json names, with a password from an expression', async () => {
    const url = 'postgresql://idm@db/openidm?sslmode=verify-full'
    const repo = {
      type: 'postgresql',
      url,
      password: '&{db.password}',
      pool: { size: 3, statementTimeout: 'unlimited' },
    }
    const { place } = await placeOf({ 'repo.json': repo }, { DB_PASSWORD: 'secret' })
    assert.deepEqual(place, { ...DEFAULTS, url, password: 'secret', size: 3, statementTimeoutMs: 0 })
  })

  it('is on the server that the environment names before any file', async () => {
    const env = { OPENIDM_REPO_URL: 'postgresql://idm:s%40fe@db/openidm?schema=own' }
    const { place } = await placeOf({ 'repo.json': { type: 'sqlite' } }, env)
    assert.deepEqual(place, { ...DEFAULTS, url: 'postgresql://idm@db/openidm', password: 's@fe', schema: 'own' })
  })

  it('is on the server of the IDM when repo.json has no address', async () => {
    const conf = {
      'repo.json': { type: 'postgresql' },
      'repo.jdbc.json': REPO_JDBC,
      'datasource.jdbc-default.json': DATASOURCE,
    }
    const { place } = await placeOf(conf)
    const url = 'postgresql://openidm@db:5433/openidm?sslmode=require'
    assert.deepEqual(place, { ...DEFAULTS, url, password: 'of idm', size: 20, connectTimeoutMs: 7000 })
  })

  const refused: [repo: unknown, message: RegExp][] = [
    [{ type: 'postgresql', url: 'postgresql://a:b@db/x' }, /repo\.json: url must hold no password/],
    [{ type: 'postgresql', url: 'mysql://db/x' }, /repo\.json: url must be a URL such as postgresql:/],
    [{ type: 'postgresql' }, /repo\.json: "url" is missing, and no repo\.jdbc\.json/],
    [{ type: 'oracle' }, /repo\.json: .*"type" must be "postgresql" or "sqlite"/],
    [{ type: 'postgresql', url: 'postgresql://db/x', password: '&{not.there}' }, /not\.there/],
    ['{"type": "postgresql"', /repo\.json/],
  ]
  for (const [repo, message] of refused)
    it(`is refused as ${JSON.stringify(repo)}: no other database takes its place`, () =>
      assert.rejects(placeOf({ 'repo.json': repo }), message))
})
