import type { ConfigurationFault } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { unknownPolicies } from './policies.ts'
import type { ManagedTypeConfiguration } from './schema.ts'
import { ManagedType } from './type.ts'

const PROPERTIES = ['schema', 'properties']

/** What of a type has no effect here. */
export function typeNotices(configuration: ManagedTypeConfiguration): ConfigurationFault[] {
  const type = new ManagedType(configuration)
  const { properties, schema = {} } = configuration
  const notices: ConfigurationFault[] = []
  const add = (pointer: string[], reason: string, cure: string) => notices.push({ pointer, reason, cure })

  const policies = unknownPolicies(type)
  if (policies.length > 0)
    add(
      PROPERTIES,
      `these policies are not judged: ${policies.join(', ')}`,
      'judge them in onValidate where they matter',
    )
  const relationships = [...type.relationships.keys()]
  if (relationships.length > 0)
    add(PROPERTIES, `relationships are not kept, so these are always empty: ${relationships.join(', ')}`, 'nothing')
  const computed = Object.entries(schema.properties ?? {}).filter(([, { queryConfig }]) => isObject(queryConfig))
  if (computed.length > 0) {
    const names = computed.map(([name]) => name).join(', ')
    add(PROPERTIES, `"queryConfig" has no effect, so these are not computed: ${names}`, 'use onRetrieve')
  }
  if (Array.isArray(properties))
    add(['properties'], 'the form of IDM 3 has no effect: nothing in it is protected', 'move it to schema.properties')
  return notices
}

/** With the default that `onCreate` of IDM's users sets: without it none could sign in. */
export function withActiveUsers(configuration: ManagedTypeConfiguration): ManagedTypeConfiguration {
  const { properties = {} } = configuration.schema ?? {}
  const { accountStatus = { type: 'string' as const } } = properties
  const active = { default: 'active', ...accountStatus }
  return { ...configuration, schema: { ...configuration.schema, properties: { ...properties, accountStatus: active } } }
}
