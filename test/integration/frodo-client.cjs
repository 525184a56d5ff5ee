// What an administrator's script does with @rockcarver/frodo-lib, against the IDM at argv[2] with the token in TOKEN.
// Its ESM build can not be imported, so this is CommonJS.
const { frodo, state } = require('@rockcarver/frodo-lib')
const assert = require('node:assert/strict')

const [, , base] = process.argv
const USERS = 25

async function main() {
  state.setHost(new URL('/am', base).href)
  state.setIdmHost(base)
  state.setDeploymentType('forgeops')
  state.setRealm('/')
  state.setBearerTokenMeta({ access_token: process.env.TOKEN, expires_in: 3600, expires: Date.now() + 3_600_000 })
  await managed()
  await configuration()
  process.stdout.write('all of it works\n')
}

async function managed() {
  const { managed } = frodo.idm
  const user = (n) => ({ userName: `frodo${n}`, givenName: 'Frodo', sn: `Number ${n}`, mail: `frodo${n}@example.net` })
  const created = []
  for (let n = 0; n < USERS; n++) created.push(await managed.createManagedObject('user', user(n)))
  const [first] = created
  assert.equal((await managed.readManagedObject('user', first._id, ['*'])).userName, 'frodo0')
  const updated = await managed.updateManagedObject('user', first._id, { ...first, sn: 'Changed' })
  assert.equal(updated.sn, 'Changed')
  const operations = [{ operation: 'replace', field: '/sn', value: 'Patched' }]
  assert.equal((await managed.updateManagedObjectProperties('user', first._id, operations)).sn, 'Patched')
  const all = await managed.queryManagedObjects('user', 'userName sw "frodo"', ['userName'], 10)
  assert.deepEqual(new Set(all.map(({ userName }) => userName)), new Set(created.map((_, n) => `frodo${n}`)))
  const named = await managed.createManagedObject('user', user('named'), 'my-id')
  assert.equal(named._id, 'my-id')
  for (const { _id } of [...created, named]) await managed.deleteManagedObject('user', _id)
  assert.deepEqual(await managed.queryManagedObjects('user', 'userName sw "frodo"', ['userName'], 10), [])
}

async function configuration() {
  const { config } = frodo.idm
  await config.createConfigEntity('custom/rates', { _id: 'custom/rates', base: 3 })
  const exported = await config.exportConfigEntity('custom/rates')
  assert.equal(exported.idm['custom/rates'].base, 3)
  const whole = await config.exportConfigEntities({ envReplaceParams: undefined, entitiesToExport: undefined })
  assert.ok(whole.idm['custom/rates'] && whole.idm.authentication)
  exported.idm['custom/rates'].base = 4
  await config.importConfigEntities(exported, 'custom/rates', { validate: false })
  assert.equal((await config.readConfigEntity('custom/rates')).base, 4)
  await config.deleteConfigEntity('custom/rates')
  await roundTrips(config)
}

/** Objects of every type: exported, deleted and imported. */
async function roundTrips(config) {
  const objects = JSON.parse(process.env.OBJECTS)
  for (const [id, content] of Object.entries(objects)) await config.updateConfigEntity(id, content)
  const before = await config.readConfigEntities()
  const exported = await config.exportConfigEntities({ envReplaceParams: undefined, entitiesToExport: undefined })
  for (const id of Object.keys(objects)) await config.deleteConfigEntity(id)
  for (const id of Object.keys(objects)) await config.importConfigEntities(exported, id, { validate: false })
  assert.deepEqual(ids(await config.readConfigEntities()), ids(before))
  for (const id of Object.keys(objects)) {
    const { _id, ...content } = await config.readConfigEntity(id)
    assert.equal(_id, id)
    assert.deepEqual(withoutSecrets(content), withoutSecrets(objects[id]), id)
    await config.deleteConfigEntity(id)
  }
}

const ids = (entities) => entities.map(({ _id }) => _id).sort()

/** Which are shown as `$crypto`, and were given in clear. */
function withoutSecrets(value) {
  if (typeof value !== 'object' || value === null) return value
  if ('$crypto' in value) return 'hidden'
  if (Array.isArray(value)) return value.map(withoutSecrets)
  const SECRETS = ['password', 'apiKey']
  const isHidden = (name, member) => SECRETS.includes(name) && typeof member === 'string' && !member.startsWith('&{')
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, isHidden(name, member) ? 'hidden' : withoutSecrets(member)]),
  )
}

main().catch((error) => {
  console.error(
    error?.response?.data ?? error,
    error?.originalErrors?.map((e) => e?.response?.data ?? e),
  )
  process.exit(1)
})
