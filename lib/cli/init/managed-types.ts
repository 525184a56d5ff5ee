import type { Json } from '../../contract.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { StartError } from '../../gateway/project/start-error.ts'
import type { Instance } from '../../remote/instance/instance.ts'
import type { ManagedType } from './mapping.ts'

/** Self-managed IDM, then an Advanced Identity Cloud tenant: what is asked for where `config/managed` cannot be read. */
const USUAL_TYPES = ['user', 'alpha_user']

/**
 * The types of managed objects of a remote, from its `config/managed`, else from `schema/managed/TYPE`.
 * @throws StartError when it shows neither; ResourceException when it cannot be asked
 */
export async function managedTypes(instance: Instance): Promise<ManagedType[]> {
  const { status, json } = await read(instance, 'config/managed')
  const objects = isObject(json) && Array.isArray(json.objects) ? json.objects : []
  const types = objects.flatMap((object) => (isObject(object) ? typeOf(String(object.name), object.schema) : []))
  if (types.length > 0) return types
  for (const name of USUAL_TYPES) types.push(...typeOf(name, (await read(instance, `schema/managed/${name}`)).json))
  if (types.length > 0) return types
  throw new StartError(
    `${instance.name}: it shows no managed types (config/managed: ${status}): give its user a role that may read ` +
      `config/managed or schema/managed/${USUAL_TYPES[0]}`,
  )
}

function typeOf(name: string, schema: Json | undefined): ManagedType[] {
  if (!isObject(schema) || !isObject(schema.properties)) return []
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  return [{ name, properties: schema.properties, required }]
}

async function read(instance: Instance, path: string): Promise<{ status: number; json: Json | undefined }> {
  const { status, text } = await instance.client.request({ method: 'GET', path })
  try {
    return { status, json: status === 200 ? parseJson(text) : undefined }
  } catch {
    return { status, json: undefined }
  }
}
