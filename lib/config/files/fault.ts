import { basename } from 'node:path'
import type {
  ConfigurationFault,
  ConfigurationFaults,
  ConfigurationFileFault,
  Json,
  JsonObject,
} from '../../contract.ts'
import { faultsOf, type z } from '../../core/schema.ts'
import { ResourceException } from '../../crest/errors.ts'
import { printPointer } from '../../crest/pointer.ts'
import { asWritten } from './as-written.ts'

/** An object with its text and its resolved content. */
interface Judged {
  readonly file: string
  /** As in the file. */
  readonly raw?: JsonObject | undefined
  /** With all expressions resolved. */
  readonly content?: JsonObject | undefined
}

/** `filters.0.onRequest: must be …`: a sentence of the consumer that starts with the key. */
const WITH_KEY = /^([A-Za-z_$][\w$-]*(?:\.[\w$-]+)*): (.+)$/s

const faultOf = (fault: string | ConfigurationFault): ConfigurationFault => {
  if (typeof fault !== 'string') return fault
  const [, key, reason] = WITH_KEY.exec(fault) ?? []
  return key === undefined || reason === undefined
    ? { pointer: [], reason: fault }
    : { pointer: key.split('.'), reason }
}

/** The faults that the consumer of an object found, with values shown as in the file. */
export const faultsIn = ({ file, raw, content }: Judged, faults: ConfigurationFaults): ConfigurationFileFault[] =>
  faults.map(faultOf).map((fault) => ({
    ...fault,
    file: basename(file),
    reason: raw && content ? asWritten(fault.reason, raw, content) : fault.reason,
  }))

/** One sentence. */
export const describeFault = ({ pointer, reason }: ConfigurationFault): string =>
  pointer.length === 0 ? reason : `${pointer.join('.')}: ${reason}`

/** All faults in one log line. */
export const describeFaults = (object: Judged, faults: ConfigurationFaults): string =>
  faultsIn(object, faults).map(describeFault).join('; ')

/** `sync.json: mappings.0.name: must be …; …`, for faults of one file. */
export const describeFileFaults = (faults: readonly ConfigurationFileFault[]): string =>
  `${faults[0]?.file}: ${faults.map(describeFault).join('; ')}`

/** As JSON for the `detail` of a response. */
export const faultsAsJson = (faults: readonly ConfigurationFileFault[]): Json[] =>
  faults.map(({ file, pointer, reason, line, cure }) => ({
    file,
    pointer: printPointer(pointer),
    reason,
    ...(line !== undefined && { line }),
    ...(cure !== undefined && { cure }),
  }))

/** The faults of a schema. Messages describe valid values and never print the value. */
export const schemaFaults = (error: z.ZodError): ConfigurationFault[] =>
  faultsOf(error).map(({ path, message }) => ({ pointer: path.map(String), reason: message }))

/** A fault found at `pointer` by the consumer of the object, such as a script that does not compile. */
export function faultAt(pointer: readonly string[], error: unknown): ConfigurationFault {
  const reason = error instanceof Error ? error.message : String(error)
  const line = Number(/ at line number (\d+)/.exec(reason)?.[1] ?? Number.NaN)
  const cure = error instanceof ResourceException ? error.cure : undefined
  return {
    pointer,
    reason,
    ...(!Number.isNaN(line) && { line }),
    ...(cure !== undefined && { cure }),
  }
}

/** Drops faults with the same file, pointer and reason as an earlier one. */
export function distinct(faults: readonly ConfigurationFileFault[]): Iterable<ConfigurationFileFault> {
  const byText = new Map<string, ConfigurationFileFault>()
  for (const fault of faults) {
    const key = JSON.stringify([fault.file, fault.pointer, fault.reason])
    if (!byText.has(key)) byText.set(key, fault)
  }
  return byText.values()
}

/** A file whose extension is not `.json` in lower case. */
export const ignoredNotice = (file: string): ConfigurationFileFault => ({
  file,
  pointer: [],
  reason: 'the file is ignored: the extension is not .json in lower case',
  cure: 'rename it',
})

/** Something in a file that is probably a mistake. */
export const doubtfulNotice = (file: string, reason: string): ConfigurationFileFault => ({
  file,
  pointer: [],
  reason,
  cure: 'leave one of them',
})
