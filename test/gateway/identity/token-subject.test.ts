import assert from 'node:assert/strict'
import { subjectsOf } from '../../../lib/gateway/access/token-subject.ts'

const ROWS: readonly (readonly [subject: string | undefined, clientId: string | undefined, expected: string[]])[] = [
  ['(age!proxy)', 'proxy', ['(age!proxy)', 'proxy']],
  ['(usr!amadmin)', 'ui', ['(usr!amadmin)']],
  // A user called like a client is not the client.
  ['(usr!proxy)', 'proxy', ['(usr!proxy)']],
  [undefined, 'proxy', ['(age!proxy)', 'proxy']],
  ['proxy', 'proxy', ['(age!proxy)', 'proxy']],
  ['bjensen', 'ui', ['(usr!bjensen)', 'bjensen']],
  ['bjensen', undefined, ['(usr!bjensen)', 'bjensen']],
  [undefined, undefined, []],
  // A user with that name at a server of plain subjects.
  ['(age!admin-client)', 'web', []],
  ['(age!admin-client)', undefined, []],
]

describe('subjects of a token', () => {
  for (const [subject, clientId, expected] of ROWS) {
    it(`${subject} of client ${clientId}`, () => assert.deepEqual(subjectsOf({ subject, clientId }), expected))
  }
})
