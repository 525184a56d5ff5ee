import { readFileSync } from 'node:fs'
import { manifestJsonSchema } from '../../lib/gateway/plugins/manifest.ts'
import { instanceJsonSchema } from '../../lib/remote/properties/properties.ts'
import { planJsonSchema } from '../../lib/sync/rest/plan-schema.ts'
import { configurationReference } from './configuration-reference.ts'

const manifest = JSON.parse(readFileSync(new URL('../../plugin.json', import.meta.url), 'utf8'))

/** The generated files by their paths in the repository. The JSON Schemas are formatted by the formatter afterwards. */
export const generatedFiles = (): Record<string, string> => ({
  'docs/configuration-reference.md': configurationReference(),
  [manifest.$schema]: json(manifestJsonSchema()),
  [manifest.contributes.configuration[0].schema]: json(instanceJsonSchema()),
  'lib/sync/rest/plan.schema.json': json(planJsonSchema()),
})

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
