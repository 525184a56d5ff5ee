/** The files that JSON blocks show, and what judges their content. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { accessNotices, accessSchema } from '../../lib/gateway/access/access-rules.ts'
import { authenticationNotices, authenticationSchema } from '../../lib/gateway/access/authentication-properties.ts'
import { auditNotices } from '../../lib/gateway/audit/notices.ts'
import { auditSchema } from '../../lib/gateway/audit/settings.ts'
import { repositorySchema } from '../../lib/gateway/configuration/repository-settings.ts'
import { settingsSchema } from '../../lib/gateway/configuration/settings.ts'
import { managedSchema } from '../../lib/gateway/managed/schema.ts'
import { scheduleSchema } from '../../lib/gateway/schedules/schedule.ts'
import { judgeProperties } from '../../lib/remote/properties/properties.ts'
import { parseScript } from '../../lib/script/main/script.ts'
import { scriptSettingsSchema } from '../../lib/script/main/settings.ts'
import { filtersSchema } from '../../lib/script/rest/filter-schema.ts'
import { mappingNotices, mappingSchema } from '../../lib/sync/mapping/mapping.ts'

/** Each throws where the content has a fault, or something that has no effect. */
export const KINDS: Readonly<Record<string, (content: JsonObject) => void>> = {
  instance: (content) => assert.deepEqual(judgeProperties(content), { ...judgeProperties(content), notices: [] }),
  authentication: (content) => {
    authenticationSchema.parse(content)
    assert.deepEqual(authenticationNotices(content), [])
  },
  access: (content) => {
    accessSchema.parse(content)
    assert.deepEqual(accessNotices(content), [])
  },
  audit: (content) => {
    auditSchema.parse(content)
    assert.deepEqual(auditNotices(content), [])
  },
  gateway: (content) => void settingsSchema.parse(content),
  repo: (content) => void repositorySchema.parse(content),
  script: (content) => void scriptSettingsSchema.parse(content),
  router: (content) => void filtersSchema.parse(content),
  managed: (content) => void managedSchema.parse(content),
  endpoint: (content) => void parseScript(content),
  schedule: (content) => void scheduleSchema.parse(content),
  sync: judgeMappings,
  relationships: judgeMappings,
  error: (content) => assert.deepEqual(Object.keys(content), ['code', 'reason', 'message']),
}

function judgeMappings({ mappings }: JsonObject): void {
  for (const mapping of mappings as JsonObject[]) {
    mappingSchema.parse(mapping)
    assert.deepEqual(mappingNotices(mapping), [])
  }
}
