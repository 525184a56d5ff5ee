import { conflict } from '../../crest/errors.ts'
import type { LinkOwners } from '../../repo/links/link-collection.ts'
import type { MappingRegistry } from './registry.ts'

/**
 * The mappings as owners of links.
 * @param isRunning whether a reconciliation of the mapping is active: it has read the links already
 */
export const linkOwners = (mappings: MappingRegistry, isRunning: (mapping: string) => boolean): LinkOwners => ({
  async formOf(name) {
    const { mapping } = await mappings.usable(name)
    if (!mapping.enableLinking) throw conflict(`The mapping ${name} has enableLinking false: it has no links`)
    const type = mapping.links ?? mapping.name
    const running = mappings.all().find((one) => typeOf(one.mapping) === type && isRunning(one.mapping.name))
    if (running)
      throw conflict(`A reconciliation of ${running.mapping.name} is running: wait for its end, or cancel it first`)
    const owner = mappings.find(type)?.mapping ?? mapping
    const key = (isCaseSensitive: boolean) => (id: string) => (isCaseSensitive ? id : id.toLowerCase())
    return {
      type,
      qualifiers: Array.isArray(mapping.linkQualifiers) ? mapping.linkQualifiers : undefined,
      firstKey: key(owner.sourceIdsCaseSensitive),
      secondKey: key(owner.targetIdsCaseSensitive),
    }
  },
  mappingsByType: () => mappings.byLinkType(),
})

const typeOf = ({ links, name }: { readonly links?: string | null | undefined; readonly name: string }) => links ?? name
