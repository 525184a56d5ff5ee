import { faultAt } from '../../config/files/fault.ts'
import type { ConfigurationFault, Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Script, ScriptService } from '../../script/main/engine.ts'
import type { ManagedTypeConfiguration } from './schema.ts'
import { MANAGED_HOOKS } from './scripts-managed.ts'
import { PROPERTY_HOOKS } from './scripts-managed-properties.ts'

export interface CompiledScript {
  /** JSON pointer in the configuration of its type. */
  readonly pointer: readonly string[]
  readonly script: Script
}

/** Compiles the scripts of one type; those that fail are returned as faults. */
export async function compileScripts(service: ScriptService, type: ManagedTypeConfiguration) {
  const compiled: CompiledScript[] = []
  const faults: ConfigurationFault[] = []
  for (const [pointer, script] of scriptsOf(type)) {
    try {
      compiled.push({ pointer, script: await service.compile(script, `managed/${type.name} ${nameOf(pointer)}`) })
    } catch (error) {
      faults.push(faultAt(pointer, error))
    }
  }
  return { compiled, faults }
}

const nameOf = (pointer: readonly string[]): string =>
  pointer.filter((_, index) => index > 1 || pointer.length < 3).join(' ')

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
