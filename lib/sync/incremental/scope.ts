import { createHash } from 'node:crypto'
import type { Json } from '../../contract.ts'
import { printPointer } from '../../crest/pointer.ts'
import type { PlanDigest } from '../context/plan-record.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { addressPart } from '../plan/digest.ts'
import { instanceIn } from '../read/remote-path.ts'

/** Identifies the field of changes, and where it is. @param digest of a run of the mapping that begins now */
export const fieldSubject = (mapping: Mapping, digest: PlanDigest): string => sha256(fieldParts(mapping, digest))

/** Identifies which sources a watermark holds for. */
export function scopeOf(mapping: Mapping, digest: PlanDigest): string {
  const { _fields, _sortKeys, ...query } = mapping.sourceQuery?.params ?? { _queryFilter: 'true' }
  const sorted = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1))
  return sha256([...fieldParts(mapping, digest), sorted.map(([name, value]) => [name, String(value)])])
}

function fieldParts({ source, sourceQuery, incremental }: Mapping, { parts }: PlanDigest): Json[] {
  const path = sourceQuery?.resourceName ?? source
  const instance = instanceIn(path)
  const address = instance === undefined ? null : (parts[addressPart(instance)] ?? null)
  return [path, printPointer(incremental?.changedField ?? []), address]
}

const sha256 = (value: Json): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')
