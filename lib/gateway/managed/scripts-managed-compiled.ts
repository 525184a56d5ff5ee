import { faultAt } from '../../config/files/fault.ts'
import type { ConfigurationFault, Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Script, ScriptService } from '../../script/main/engine.ts'
import { compileOrLeaveOut } from '../../script/main/stock.ts'
import type { ManagedTypeConfiguration } from './schema.ts'
import { MANAGED_HOOKS } from './scripts-managed.ts'
import { PROPERTY_HOOKS } from './scripts-managed-properties.ts'

export interface CompiledScript {
  /** JSON pointer in the configuration of its type. */
  readonly pointer: readonly string[]
  readonly script: Script
}

/**
 * The scripts of one type, without those that cannot be run, which are faults, and without those of IDM that are left
 * out, which are notices. `compensate.js` as `onSync` is built in.
 */
export async function compileScripts(service: ScriptService, type: ManagedTypeConfiguration) {
  const compiled: CompiledScript[] = []
  const faults: ConfigurationFault[] = []
  const notices: ConfigurationFault[] = []
  let [activates, compensates] = [false, false]
  for (const [pointer, script] of scriptsOf(type)) {
    try {
      const result = await compileOrLeaveOut(service, script, `managed/${type.name} ${nameOf(pointer)}`)
      if ('script' in result) compiled.push({ pointer, ...result })
      else if (result.leftOut.compensates && pointer[0] === 'onSync') compensates = true
      else {
        const { reason, cure, activates: own } = result.leftOut
        notices.push({ pointer, reason, cure })
        activates ||= own && pointer[0] === 'onCreate'
      }
    } catch (error) {
      faults.push(faultAt(pointer, error))
    }
  }
  return { compiled, faults, notices, activates, compensates }
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
