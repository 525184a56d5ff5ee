import type { ConfigurationConsumer, ConfigurationObject, JsonObject } from '../../contract.ts'

/** Where an instance is, and where it gets its tokens. */
export type InstanceAddress = Readonly<Record<'instanceUrl' | 'tokenEndpoint', string | null>>

/** The addresses in `external.idm-NAME.json`, whoever serves the instances. */
export class InstanceAddresses implements ConfigurationConsumer {
  readonly factoryPid = 'external.idm'
  readonly #addresses = new Map<string, InstanceAddress>()

  addressOf(instance: string): InstanceAddress | undefined {
    return this.#addresses.get(instance)
  }

  /** They are judged by who serves them. */
  validate(): [] {
    return []
  }

  /** One that cannot be read keeps its last address, as it keeps its last state. */
  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const names = new Set(objects.flatMap(({ alias }) => alias ?? []))
    for (const name of this.#addresses.keys()) if (!names.has(name)) this.#addresses.delete(name)
    for (const { alias, content } of objects) if (alias !== null && content) this.#addresses.set(alias, inside(content))
  }
}

function inside({ instanceUrl, tokenEndpoint }: JsonObject): InstanceAddress {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value.trim() : null)
  return { instanceUrl: text(instanceUrl), tokenEndpoint: text(tokenEndpoint) }
}
