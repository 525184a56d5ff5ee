import { isDeepStrictEqual } from 'node:util'
import { describeFaults } from '../../config/files/fault.ts'
import type { Logger } from '../../contract.ts'
import type { ConfiguredEntry } from '../../core/configured-set.ts'
import { type ConfiguredMapping, faultText, type MappingSource } from './entries.ts'
import { mappingNotices } from './mapping.ts'

export type Entry = ConfiguredEntry<MappingSource, ConfiguredMapping>

/** What is wrong with the configured version of a mapping. */
export const textOf = ({ input, faults }: Entry): string | undefined =>
  faults.length > 0 ? faultText(input, describeFaults(input, faults)) : undefined

/** Logs the faults and notices of a mapping that are new. */
export function report(log: Logger, entry: Entry, old: Entry | undefined): void {
  const { input, value, good, faults } = entry
  const { file, key, unread } = input
  const fault = textOf(entry)
  // The reader of the file has logged that it cannot be read.
  if (fault !== undefined && unread === undefined && !isDeepStrictEqual(faults, old?.faults))
    log.error({ file }, good || (key === undefined && !input.config) ? `${fault}; what was in force stays` : fault)
  const notices = value && value !== old?.value ? mappingNotices(value.config) : []
  if (value && notices.length > 0)
    log.warn({ file, notices }, `${file}: mapping ${value.mapping.name}: ${notices.join('; ')}`)
}
