import type { OpenRepository } from '../repositories.ts'
import { describeAgreementStore } from './agreement-store.ts'
import { describeCaptureStore } from './capture-store.ts'
import { describeCollection } from './collection.ts'
import { describeEventStore } from './event-store.ts'
import { describeIncrementalStore } from './incremental-store.ts'
import { describeLinkStore } from './link-store.ts'
import { describeObjectQuery } from './object-query.ts'
import { describeObjectStore } from './object-store.ts'
import { describeRunStore } from './run-store.ts'

/** All that a repository has to do. @param windows see `describeObjectQuery` */
export function describeRepository(open: OpenRepository, windows?: readonly number[]): void {
  describeObjectStore(open)
  describeObjectQuery(open, windows)
  describeCollection(open)
  describeLinkStore(open)
  describeIncrementalStore(open)
  describeAgreementStore(open)
  describeRunStore(open)
  describeEventStore(open)
  describeCaptureStore(open)
}
