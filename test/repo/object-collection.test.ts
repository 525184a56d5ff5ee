import { connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { describeResourceContract } from '../contract/resource-contract.ts'
import { tempRepository } from './repositories.ts'

for (const indexes of [[], ['run', 'rank', 'sn', 'tags', 'address/city']])
  describeResourceContract(`what the repository keeps, with ${indexes.length} indexes,`, async () => {
    const repository = await tempRepository()
    const router = new ResourceRouter()
    router.add('stored/thing', await repository.collection('stored/thing', { indexes }))
    return { connection: connect(router, {}), collection: 'stored/thing' }
  })
