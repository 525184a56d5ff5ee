import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Connection } from '../../crest/protocol/connection.ts'

/** `managed/TYPE`, local or of an instance. */
const MANAGED = /^(?<base>.*\/)?managed\/(?<type>[^/]+)$/

/** Whether it is a collection of managed objects, whose relationships are shown where they are asked for. */
export const isManaged = (path: string): boolean => MANAGED.test(path)

/** The schema of a target's managed type, where it can be read; once. */
export class TargetSchema {
  readonly #connection: Pick<Connection, 'read'>
  readonly #path: string
  #schema: Promise<JsonObject | undefined> | undefined

  constructor(connection: Pick<Connection, 'read'>, path: string) {
    this.#connection = connection
    this.#path = path
  }

  /** The required properties; empty where no schema can be read. */
  required(): Promise<ReadonlySet<string>> {
    return this.#read().then((schema) => new Set(Array.isArray(schema?.required) ? schema.required.map(String) : []))
  }

  /** The properties that no answer shows, and those that the target computes; empty where no schema can be read. */
  async properties(): Promise<{ readonly hidden: ReadonlySet<string>; readonly computed: ReadonlySet<string> }> {
    const { properties } = (await this.#read()) ?? {}
    const all = Object.entries(isObject(properties) ? properties : {})
    const named = (isMeant: (property: JsonObject) => boolean) =>
      new Set(all.flatMap(([name, property]) => (isObject(property) && isMeant(property) ? [name] : [])))
    return {
      hidden: named(({ scope }) => scope === 'private'),
      computed: named(({ isVirtual, isProtected }) => isVirtual === true || isProtected === true),
    }
  }

  #read(): Promise<JsonObject | undefined> {
    this.#schema ??= this.#find()
    return this.#schema
  }

  async #find(): Promise<JsonObject | undefined> {
    const { base = '', type = '' } = MANAGED.exec(this.#path)?.groups ?? {}
    if (type === '') return undefined
    const schema = await this.#object(`${base}schema/managed/${type}`)
    if (schema) return schema
    const managed = await this.#object(`${base}config/managed`)
    const types: Json = managed?.objects ?? []
    const own = Array.isArray(types) ? types.find((one) => isObject(one) && one.name === type) : undefined
    return isObject(own) && isObject(own.schema) ? own.schema : undefined
  }

  /** Many remotes do not let this user read schemas. */
  #object(path: string): Promise<JsonObject | null> {
    return this.#connection.read(path).catch(() => null)
  }
}
