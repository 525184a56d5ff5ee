import assert from 'node:assert/strict'
import fc from 'fast-check'
import { fileOfObjectId, nameFault, objectIdOfFile, parseObjectId, pidOf } from '../../lib/config/files/naming.ts'

describe('config: names of files and objects', () => {
  const files: [string, string, string | null, string | null][] = [
    ['sync.json', 'sync', null, null],
    ['repo.jdbc.json', 'repo.jdbc', null, null],
    ['external.email.json', 'external.email', null, null],
    ['external.idm-name1.json', 'external.idm/name1', 'external.idm', 'name1'],
    ['external.idm-eu-west.json', 'external.idm/eu-west', 'external.idm', 'eu-west'],
    ['provisioner.openicf-csvfile.json', 'provisioner.openicf/csvfile', 'provisioner.openicf', 'csvfile'],
    ['endpoint-com.acme.hello.json', 'endpoint/com.acme.hello', 'endpoint', 'com.acme.hello'],
    ['mapping-ldap_user.json', 'mapping/ldap_user', 'mapping', 'ldap_user'],
  ]
  for (const [file, id, factoryPid, alias] of files) {
    it(`${file} is ${id}`, () => {
      assert.deepEqual(objectIdOfFile(file), { id, factoryPid, alias })
      assert.equal(fileOfObjectId(id), file)
      assert.deepEqual(parseObjectId(id), { id, factoryPid, alias })
      assert.equal(pidOf(id), factoryPid ?? id)
    })
  }

  const others = [
    'sync.json~',
    '.sync.json.swp',
    '.#sync.json',
    '..data',
    'readme.txt',
    'sync.JSON',
    '4913',
    '.json',
    '#a.json#',
  ]
  for (const file of others) {
    it(`${file} is no configuration object`, () => assert.equal(objectIdOfFile(file), undefined))
  }

  it('takes the hyphen form of clients for the canonical id', () => {
    assert.equal(parseObjectId('external.idm-eu-west').id, 'external.idm/eu-west')
  })

  it('S3: refuses ids that would leave the directory or break the rules, naming the rule', () => {
    const ids = [
      '..',
      '../sync',
      'external.idm/..',
      'a/../b',
      '/etc',
      'a\\b',
      'sync\0',
      '',
      'external.idm/',
      'a b',
      '__proto__',
    ]
    for (const id of ids) assert.throws(() => parseObjectId(id), { code: 400 }, id)
    assert.throws(() => parseObjectId('external.idm/é'), /must match \^\[A-Za-z0-9\]\[A-Za-z0-9\._-\]\{0,63\}\$/)
    assert.throws(() => parseObjectId('external/idm/name1'), { code: 400, message: /more than two parts/ })
  })

  it('S3: names the rule for a file whose alias breaks it', () => {
    for (const file of [
      'external.idm-.json',
      'external.idm-a b.json',
      'external.idm-.a.json',
      'external.idm-_a.json',
    ]) {
      const name = objectIdOfFile(file)
      assert.match(name ? (nameFault(name) ?? '') : '', /must match/, file)
    }
  })

  it('property: every id that is accepted names one file, a direct child, and is read back from it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z.]{1,5}[-/]?[\w-]{0,5}$/)), (text) => {
        let id: string
        try {
          id = parseObjectId(text).id
        } catch {
          return
        }
        const file = fileOfObjectId(id)
        assert.match(file, /^[A-Za-z0-9][\w.-]*\.json$/)
        assert.equal(objectIdOfFile(file)?.id, id)
      }),
    )
  })
})
