import { connect } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import { describeResourceContract } from '../../contract/resource-contract.ts'
import type { OpenRepository } from '../repositories.ts'
import { ObjectCollection } from './object-collection.ts'

export function describeCollection(open: OpenRepository): void {
  for (const indexes of [[], ['run', 'rank', 'sn', 'tags', 'address/city']])
    describeResourceContract(`what the repository keeps, with ${indexes.length} indexes,`, async () => {
      const repository = await open()
      const router = new ResourceRouter()
      router.add('stored/thing', new ObjectCollection(await repository.store('stored/thing', { indexes })))
      return { connection: connect(router, {}), collection: 'stored/thing' }
    })
}
