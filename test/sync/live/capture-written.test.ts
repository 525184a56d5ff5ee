import assert from 'node:assert/strict'
import { type Written, writtenIn } from '../../../lib/sync/live/capture/written.ts'

const update = (id: string): Written => ({ kind: 'object', id, action: 'update' })
const deletion = (id: string): Written => ({ kind: 'object', id, action: 'delete' })
const created: Written = { kind: 'answer', action: 'create' }
const patched: Written = { kind: 'answer', action: 'update' }
const unknown: Written = { kind: 'unknown' }

const ROWS: readonly (readonly [request: string, ...written: Written[]])[] = [
  ['PUT managed/user/u1', update('u1')],
  ['PUT managed/user/u1?_fields=mail', update('u1')],
  ['PUT managed/user/u1/', update('u1')],
  ['PUT managed/user/a%20b%2Fc%C3%BC', { kind: 'object', id: 'a b/cü', action: 'update' }, unknown],
  ['PUT managed/user/J%C3%BCrgen%20M', update('Jürgen M')],
  ['PUT managed/%75ser/u1', update('u1')],
  ['PATCH managed/user/u1', update('u1')],
  ['DELETE managed/user/u1', deletion('u1')],
  ['POST managed/user', created],
  ['POST managed/user/', created],
  ['POST managed/user?_action=create', created],
  ['POST managed/user?_fields=*&_ACTION=CREATE', created],
  ['POST managed/user?%5Faction=create', created],
  ['POST managed/user?_action=patch&_queryId=for-userName&uid=x', patched],
  ['POST managed/user?_action=patch&_queryFilter=true', patched],
  ['POST managed/user/u1?_action=patch', update('u1')],
  ['POST managed/user/u1?_action=p%61tch', update('u1')],
  // Relationships.
  ['POST managed/user/u1/roles?_action=create', update('u1')],
  ['POST managed/user/u1/roles?_action=other', update('u1')],
  ['DELETE managed/user/u1/roles/e1', update('u1')],
  ['PUT managed/user/u1/manager', update('u1')],
  // What nobody can tell.
  ['POST managed/user?_action=triggerSyncCheck', unknown],
  ['POST managed/user?_action=create&_action=patch', unknown],
  ['POST managed/user?_act%C4%B1on=create', unknown],
  ['POST managed/user/u1?_action=resetPassword', unknown],
  ['POST managed/user/u1', unknown],
  ['DELETE managed/user', unknown],
  ['PUT managed/user', unknown],
  ['PATCH managed/user/?_queryFilter=true', unknown],
  // What another reader understands as the collection.
  ['PUT managed;v=1/user/u1', unknown],
  ['PUT managed/user;v=1/u1', unknown],
  ['PUT managed/user/u1;v=1', update('u1;v=1'), unknown],
  ['PUT managed%2Fuser/u1', unknown],
  ['PUT managed/%2575ser/u1', unknown],
  ['PUT managed/user/a%252Fb', update('a%2Fb'), unknown],
  ['PUT managed%5Cuser/u1', unknown],
  ['PUT managed/user/J%FCrgen', update('J\0rgen')],
  // Other collections.
  ['PUT managed/users/u1'],
  ['PUT managed/User/u1'],
  ['PUT managed/role/r1/members/managed/user'],
  ['POST managed?_action=create'],
  ['PUT config/managed/user/u1'],
]

describe('what a request changes in a captured collection', () => {
  for (const [request, ...written] of ROWS) {
    const [method = '', target = ''] = request.split(' ')
    it(request, () => assert.deepEqual(writtenIn(['managed', 'user'], method, target), written))
  }
})
