import { readFileSync } from 'node:fs'
import { describeApi } from '../../lib/gateway/api-description/description.ts'
import { manifestJsonSchema } from '../../lib/gateway/plugins/manifest.ts'
import { packageVersion } from '../../lib/gateway/project/package-info.ts'
import { instanceJsonSchema } from '../../lib/remote/properties/properties.ts'
import { planJsonSchema } from '../../lib/sync/rest/plan-schema.ts'
import { configurationReference } from './configuration-reference.ts'

const manifest = JSON.parse(readFileSync(new URL('../../plugin.json', import.meta.url), 'utf8'))

/** The generated files by their paths in the repository. The JSON Schemas are formatted by the formatter afterwards. */
export const generatedFiles = (): Record<string, string> => ({
  'docs/configuration-reference.md': configurationReference(),
  'docs/openapi.json': json(describeApi({ version: packageVersion(), types: GENERIC_TYPES })),
  [manifest.$schema]: json(manifestJsonSchema()),
  [manifest.contributes.configuration[0].schema]: json(instanceJsonSchema()),
  'lib/sync/rest/plan.schema.json': json(planJsonSchema()),
})

/** Each project has its own. */
const GENERIC_TYPES = [{ name: '{type}', schema: { properties: {} } }]

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
