import assert from 'node:assert/strict'
import { parseObjectId } from '../../lib/config/files/naming.ts'
import { pidOfObject } from '../../lib/config/rest/pids.ts'

describe('config: pids', () => {
  it('of an object that exists once is its name', () => {
    assert.equal(pidOfObject(parseObjectId('sync')), 'sync')
  })

  it('of an instance is its factory and a UUID that stays the same for ever', () => {
    const pid = pidOfObject(parseObjectId('external.idm/eu'))
    assert.match(pid, /^external\.idm\.[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(pid, 'external.idm.eec4244d-23e7-8075-9d45-8e4bcdd7a8eb')
    assert.notEqual(pidOfObject(parseObjectId('external.idm/us')), pid)
  })
})
