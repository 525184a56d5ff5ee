import assert from 'node:assert/strict'
import { auditNotices } from '../../../lib/gateway/audit/notices.ts'
import { auditSchema, DEFAULT_AUDIT } from '../../../lib/gateway/audit/settings.ts'
import { startGateway } from '../parts.ts'
import { audit, handler } from './stage.ts'

const noticesOf = (content: object) =>
  auditNotices(content as never).map(({ pointer, reason }) => `${pointer.join('.')}: ${reason}`)

describe('audit.json', () => {
  it('has handlers that are enabled, with their topics; the repository has requests only when they are named', () => {
    const { handlers } = auditSchema.parse(
      audit([
        handler('json', { topics: ['access', 'mine'] }),
        handler('stdout', { enabled: false }),
        { class: 'org.forgerock.openidm.audit.impl.RepositoryAuditEventHandler', config: { enabled: 'true' } },
        { class: 'org.forgerock.audit.handlers.csv.CsvAuditEventHandler', config: {} },
      ]),
    )
    assert.deepEqual(
      handlers.map(({ name, topics }) => [name, [...topics]]),
      [
        ['json', ['access']],
        ['repository', ['activity', 'authentication', 'config', 'sync']],
      ],
    )
  })

  it('names faults with their place', () => {
    const judge = (content: object) =>
      auditSchema.safeParse(content).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    assert.deepEqual(judge(audit([handler('json', { onOverload: 'wait', logDirectory: '&{nowhere}/audit' })])), [
      'eventHandlers.0.config.logDirectory: must be a directory; its expression has no value',
      'eventHandlers.0.config.onOverload: must be "drop" or "block"',
    ])
    assert.deepEqual(judge({ eventTopics: { activity: { filter: { actions: 'create' } } } }), [
      'eventTopics.activity.filter.actions: must be an array of names',
    ])
  })

  it('names what has no effect, and nothing of its own default', () => {
    assert.deepEqual(noticesOf(DEFAULT_AUDIT), [])
    const content = {
      auditServiceConfig: {
        availableAuditEventHandlers: ['x'],
        filterPolicies: { field: { includeIf: ['/activity/before', '/access/http/request/queryParameters'] } },
        unknown: 1,
      },
      eventHandlers: [
        {
          class: 'org.forgerock.audit.handlers.json.JsonAuditEventHandler',
          config: {
            name: 'json',
            topics: ['access', 'mine'],
            elasticsearchCompatible: true,
            fileRotation: { rotationTimes: ['1 hour'] },
            fileRetention: { minFreeSpaceRequired: 5 },
          },
        },
        { class: 'org.forgerock.audit.handlers.syslog.SyslogAuditEventHandler', config: { name: 's' } },
        { class: 'org.forgerock.audit.handlers.csv.CsvAuditEventHandler', config: { enabled: false } },
      ],
      eventTopics: {
        activity: { filter: { actions: ['read', 'create'], triggers: { recon: ['create'] } } },
        recon: { filter: { script: { type: 'text/javascript', file: 'x.js' } } },
        mine: { schema: {} },
      },
      exceptionFormatter: { type: 'text/javascript', file: 'x.js' },
    }
    assert.deepEqual(noticesOf(content), [
      'auditServiceConfig.unknown: it has no effect here',
      'auditServiceConfig.filterPolicies.field.includeIf: it is recorded anyway, or never: /activity/before',
      'eventHandlers.0.config.elasticsearchCompatible: it has no effect here',
      'eventHandlers.0.config.fileRotation.rotationTimes: it has no effect here',
      'eventHandlers.0.config.fileRetention.minFreeSpaceRequired: it has no effect here',
      'eventHandlers.0.config.topics: there are no such topics: mine',
      'eventHandlers.1.class: there is no handler SyslogAuditEventHandler: nothing is recorded there',
      'eventTopics.activity.filter.triggers: it has no effect here',
      'eventTopics.activity.filter.actions: not recorded: read',
      'eventTopics.recon.filter.script: it has no effect here',
      'eventTopics.mine: there are no such topics: mine',
      'exceptionFormatter: exceptions are recorded as one sentence',
    ])
  })

  it('leaves the default in force where it has a fault, and says so', async () => {
    const { gateway } = await startGateway({ conf: { 'audit.json': { eventHandlers: 'none' } } })
    const [fault] = gateway.notices
    assert.equal(fault?.file, 'audit.json')
    assert.match(String(fault?.reason), /must be an array of handlers/)
  })
})
