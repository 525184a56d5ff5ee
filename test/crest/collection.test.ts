import assert from 'node:assert/strict'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { describeResourceContract } from '../contract/resource-contract.ts'

function open() {
  const router = new ResourceRouter()
  router.add('memory/thing', new MemoryCollection())
  return { connection: connect(router, {}), collection: 'memory/thing' }
}

describeResourceContract('MemoryCollection', open)

describe('MemoryCollection', () => {
  const wrong: [
    what: string,
    call: (openidm: ReturnType<typeof open>['connection']) => Promise<unknown>,
    code: number,
  ][] = [
    ['an update of the collection', (openidm) => openidm.update('memory/thing', null, {}), 400],
    ['a patch of the collection', (openidm) => openidm.patch('memory/thing', null, []), 400],
    ['a delete below an object', (openidm) => openidm.delete('memory/thing/a/b', null), 404],
    ['a create below an object', (openidm) => openidm.create('memory/thing/a', 'b', {}), 501],
    ['a query below an object', (openidm) => openidm.query('memory/thing/a', { _queryFilter: 'true' }), 501],
    ['an empty id', (openidm) => openidm.create('memory/thing', '', {}), 400],
    ['an action', (openidm) => openidm.action('memory/thing', 'x'), 501],
  ]
  for (const [what, call, code] of wrong) it(`refuses ${what}`, () => assert.rejects(call(open().connection), { code }))
})
