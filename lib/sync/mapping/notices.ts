import type { JsonObject } from '../../contract.ts'
import { type KnownNames, unknownNotice, unknownProperties } from '../../core/unknown-properties.ts'
import { associationShape, mappingShape, TOLERATED } from './mapping.ts'
import { policyShape } from './policy-schema.ts'
import { propertyShape } from './property-schema.ts'

const KNOWN: KnownNames = {
  names: new Set([...Object.keys(mappingShape), ...TOLERATED]),
  within: {
    properties: new Set(Object.keys(propertyShape)),
    policies: new Set(Object.keys(policyShape)),
    reconAssociation: new Set(Object.keys(associationShape)),
    queuedSync: new Set([
      'enabled',
      'pageSize',
      'pollingInterval',
      'maxQueueSize',
      'maxRetries',
      'retryDelay',
      'postRetryAction',
    ]),
  },
}

/** Warnings about settings that have no effect. */
export function mappingNotices(content: JsonObject): string[] {
  const notices = unknownProperties(content, KNOWN).map(unknownNotice)
  if (content.consentRequired === true)
    notices.push('"consentRequired" has no effect: objects are synchronized without anybody\'s consent')
  return notices
}
