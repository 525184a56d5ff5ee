/** What of `audit.json` has no effect. */
import type { ConfigurationFault, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { noEffect } from '../../core/schema.ts'
import { isAuditTopic } from '../../core/telemetry/audit.ts'
import { unknownNames } from '../../core/unknown-properties.ts'
import { canInclude } from './event-fields.ts'
import { type HandlerKind, kindOf } from './settings.ts'

const COMMON = ['name', 'enabled', 'topics', 'buffering', 'onOverload']
const CONFIG: Readonly<Record<HandlerKind, readonly string[]>> = {
  json: [...COMMON, 'logDirectory', 'fileRotation', 'fileRetention', 'rotationRetentionCheckInterval'],
  stdout: COMMON,
  repository: [...COMMON, 'maxStoredEvents'],
}
/** Names below the configuration of a handler; what IDM writes, and what a batch of ours does anyway, is left alone. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  buffering: ['maxSize', 'writeInterval', 'enabled', 'autoFlush'],
  fileRotation: ['rotationEnabled', 'maxFileSize', 'rotationInterval'],
  fileRetention: ['maxNumberOfHistoryFiles', 'maxDiskSpaceToUse'],
}
const TOPIC = ['filter', 'watchedFields', 'passwordFields']
const FILTER = ['actions', 'fields']
const RECORDED = ['create', 'update', 'delete', 'patch', 'action', 'link', 'unlink', 'exception', 'ignore']

type Pointer = readonly string[]

export function auditNotices(content: JsonObject): ConfigurationFault[] {
  const { auditServiceConfig, eventHandlers, eventTopics, exceptionFormatter } = content
  return [
    ...unknown(content, ['auditServiceConfig', 'eventHandlers', 'eventTopics', 'exceptionFormatter', '_id'], []),
    ...serviceNotices(auditServiceConfig),
    ...listOf(eventHandlers).flatMap((handler, index) => handlerNotices(handler, ['eventHandlers', `${index}`])),
    ...Object.entries(isObject(eventTopics) ? eventTopics : {}).flatMap(([name, topic]) => topicNotices(name, topic)),
    ...(exceptionFormatter === undefined
      ? []
      : [{ pointer: ['exceptionFormatter'], reason: 'exceptions are recorded as one sentence', cure: 'nothing' }]),
  ]
}

function serviceNotices(service: unknown): ConfigurationFault[] {
  const at = ['auditServiceConfig']
  const known = ['handlerForQueries', 'availableAuditEventHandlers', 'filterPolicies', 'caseInsensitiveFields']
  const policies = isObject(service) && isObject(service.filterPolicies) ? service.filterPolicies : {}
  return [
    ...unknown(service, known, at),
    ...unknown(policies, ['field', 'value'], [...at, 'filterPolicies']),
    ...Object.entries(policies).flatMap(([kind, policy]) => includeNotices(policy, [...at, 'filterPolicies', kind])),
  ]
}

function includeNotices(policy: unknown, at: Pointer): ConfigurationFault[] {
  const lost = isObject(policy) ? listOf(policy.includeIf).filter((one) => !canInclude(String(one))) : []
  if (lost.length === 0) return []
  const reason = `it is recorded anyway, or never: ${lost.join(', ')}`
  return [{ pointer: [...at, 'includeIf'], reason, cure: 'take it out, or leave it' }]
}

function handlerNotices(handler: unknown, at: Pointer): ConfigurationFault[] {
  if (!isObject(handler)) return []
  const { class: className, config } = handler
  const kind = kindOf(className)
  if (isObject(config) && String(config.enabled) === 'false') return []
  if (!kind) {
    const reason = `there is no handler ${String(className).split('.').at(-1)}: nothing is recorded there`
    return [{ pointer: [...at, 'class'], reason, cure: 'have the JSON files read by what receives the events' }]
  }
  const below = isObject(config) ? Object.entries(BELOW).filter(([name]) => CONFIG[kind].includes(name)) : []
  return [
    ...unknown(config, CONFIG[kind], [...at, 'config']),
    ...below.flatMap(([name, known]) => unknown(isObject(config) && config[name], known, [...at, 'config', name])),
    ...(isObject(config) ? topicListNotices(config.topics, [...at, 'config', 'topics']) : []),
  ]
}

function topicListNotices(topics: unknown, pointer: Pointer): ConfigurationFault[] {
  const lost = listOf(topics).filter((name) => !isAuditTopic(name))
  return lost.length === 0 ? [] : [{ pointer, reason: `there are no such topics: ${lost.join(', ')}`, cure: 'nothing' }]
}

function topicNotices(name: string, topic: unknown): ConfigurationFault[] {
  const at = ['eventTopics', name]
  if (!isAuditTopic(name)) return topicListNotices([name], at)
  const filter = isObject(topic) ? topic.filter : undefined
  const lost = isObject(filter) ? listOf(filter.actions).filter((one) => !RECORDED.includes(String(one))) : []
  return [
    ...unknown(topic, TOPIC, at),
    ...unknown(filter, FILTER, [...at, 'filter']),
    ...(lost.length === 0
      ? []
      : [{ pointer: [...at, 'filter', 'actions'], reason: `not recorded: ${lost.join(', ')}`, cure: 'nothing' }]),
  ]
}

/** Empty lists and objects have no effect anywhere. */
const unknown = (value: unknown, known: readonly string[], at: Pointer): ConfigurationFault[] =>
  isObject(value)
    ? unknownNames(value, new Set(known))
        .filter((name) => !isEmpty(value[name]))
        .map((name) => noEffect([...at, name]))
    : []

const isEmpty = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
