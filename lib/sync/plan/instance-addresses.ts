import type { ConfigurationConsumer, ConfigurationObject, JsonObject } from '../../contract.ts'

/** Where an instance is, and where it gets its tokens. */
export type InstanceAddress = Readonly<Record<'instanceUrl' | 'tokenEndpoint', string | null>>

/** The addresses in `external.idm-NAME.json`. The host or the plugin serves the instances. */
export class InstanceAddresses implements ConfigurationConsumer {
  readonly factoryPid = 'external.idm'
  readonly #addresses = new Map<string, InstanceAddress>()

  addressOf(instance: string): InstanceAddress | undefined {
    return this.#addresses.get(instance)
  }

  /** Their files are validated where the instances are served. */
  validate(): [] {
    return []
  }

  /** An unreadable file keeps its last address, as the instance keeps its last state. */
  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const names = new Set(objects.flatMap(({ alias }) => alias ?? []))
    for (const name of this.#addresses.keys()) if (!names.has(name)) this.#addresses.delete(name)
    for (const { alias, content } of objects)
      if (alias !== null && content) this.#addresses.set(alias, addressIn(content))
  }
}

function addressIn({ instanceUrl, tokenEndpoint }: JsonObject): InstanceAddress {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value.trim() : null)
  return { instanceUrl: text(instanceUrl), tokenEndpoint: text(tokenEndpoint) }
}
