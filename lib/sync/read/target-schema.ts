import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Connection } from '../../crest/protocol/connection.ts'

/** `managed/TYPE` here, or below an instance. */
const MANAGED = /^(?<base>.*\/)?managed\/(?<type>[^/]+)$/

/** The schema of a target's managed type, as far as it can be read. */
export class TargetSchema {
  readonly #connection: Pick<Connection, 'read'>
  readonly #path: string
  #required: Promise<ReadonlySet<string>> | undefined

  constructor(connection: Pick<Connection, 'read'>, path: string) {
    this.#connection = connection
    this.#path = path
  }

  /** The properties that an object must have; empty where no schema can be read. Read once. */
  required(): Promise<ReadonlySet<string>> {
    this.#required ??= this.#read().then(
      (schema) => new Set(Array.isArray(schema?.required) ? schema.required.map(String) : []),
    )
    return this.#required
  }

  async #read(): Promise<JsonObject | undefined> {
    const { base = '', type = '' } = MANAGED.exec(this.#path)?.groups ?? {}
    if (type === '') return undefined
    const schema = await this.#object(`${base}schema/managed/${type}`)
    if (schema) return schema
    const managed = await this.#object(`${base}config/managed`)
    const types: Json = managed?.objects ?? []
    const own = Array.isArray(types) ? types.find((one) => isObject(one) && one.name === type) : undefined
    return isObject(own) && isObject(own.schema) ? own.schema : undefined
  }

  /** Many remotes do not show their schemas, to this user or to anyone. */
  #object(path: string): Promise<JsonObject | null> {
    return this.#connection.read(path).catch(() => null)
  }
}
