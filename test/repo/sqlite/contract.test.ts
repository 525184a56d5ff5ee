import { describeAgreementStore } from '../contract/agreement-store.ts'
import { describeCaptureStore } from '../contract/capture-store.ts'
import { describeCollection } from '../contract/collection.ts'
import { describeEventStore } from '../contract/event-store.ts'
import { describeIncrementalStore } from '../contract/incremental-store.ts'
import { describeLinkStore } from '../contract/link-store.ts'
import { describeObjectQuery } from '../contract/object-query.ts'
import { describeObjectStore } from '../contract/object-store.ts'
import { describeRunStore } from '../contract/run-store.ts'
import { tempRepository } from '../repositories.ts'

describe('a repository on SQLite', () => {
  describeObjectStore(tempRepository)
  describeObjectQuery(tempRepository)
  describeCollection(tempRepository)
  describeLinkStore(tempRepository)
  describeIncrementalStore(tempRepository)
  describeAgreementStore(tempRepository)
  describeRunStore(tempRepository)
  describeEventStore(tempRepository)
  describeCaptureStore(tempRepository)
})
