import { faultAt } from '../../config/files/fault.ts'
import type { ConfigurationFault, Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { ManagedTypeConfiguration } from './schema.ts'
import { MANAGED_HOOKS } from './scripts-managed.ts'
import { PROPERTY_HOOKS } from './scripts-managed-properties.ts'

/** The scripts of one type that cannot be run, by their places in its configuration. */
export async function scriptFaults(
  service: ScriptService,
  type: ManagedTypeConfiguration,
): Promise<ConfigurationFault[]> {
  const faults: ConfigurationFault[] = []
  for (const [pointer, script] of scriptsOf(type)) {
    const name = `managed/${type.name} ${pointer.at(-1)}`
    await service.compile(script, name).catch((error: unknown) => faults.push(faultAt(pointer, error)))
  }
  return faults
}

function* scriptsOf(type: ManagedTypeConfiguration): Generator<[pointer: string[], script: Json]> {
  for (const hook of MANAGED_HOOKS) if (isObject(type[hook])) yield [[hook], type[hook]]
  if (isObject(type.actions))
    for (const [name, script] of Object.entries(type.actions)) yield [['actions', name], script]
  for (const [name, property] of Object.entries(type.schema?.properties ?? {}))
    for (const hook of PROPERTY_HOOKS) {
      const script = property[hook]
      if (isObject(script)) yield [['schema', 'properties', name, hook], script]
    }
}
