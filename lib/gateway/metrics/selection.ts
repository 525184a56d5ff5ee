/** A part of the page of metrics: `?name[]=…&remote[]=…`. */
import type { IncomingMessage } from 'node:http'
import type { Metric, Sample, Snapshot } from '../../core/telemetry/metrics.ts'
import { effectiveRequestOf } from '../../crest/http/effective-request.ts'
import { decodeValue } from '../../crest/protocol/request-parameters.ts'

/** Empty lists: everything. A type, since it goes to other processes. */
export type Selection = {
  /** Of families, or of lines, such as `…_seconds_sum`. */
  readonly names: string[]
  /** Values of the label `remote`. */
  readonly remotes: string[]
}

export const EVERYTHING: Selection = { names: [], remotes: [] }

/** @throws ResourceException 400 for a value that cannot be decoded */
export function selectionOf(request: IncomingMessage): Selection {
  const { parameters } = effectiveRequestOf(request)
  const values = (wanted: string) => parameters.filter(({ name }) => name === wanted).map(decodeValue)
  return { names: values('name[]'), remotes: values('remote[]') }
}

/** The present values of what is asked for; nothing else is read. */
export async function selected(metrics: Iterable<Metric>, { names, remotes }: Selection): Promise<Snapshot[]> {
  const [lines, wanted] = [new Set(names), new Set(remotes)]
  const wants = ({ remote }: Sample['labels']) => wanted.size === 0 || wanted.has(String(remote))
  const isAsked = (family: string) =>
    lines.size === 0 || ['', '_sum', '_count', '_bucket'].some((end) => lines.has(family + end))
  const isLine = (family: string, { metricName = family }: Sample) =>
    lines.size === 0 || lines.has(family) || lines.has(metricName)
  const found = await Promise.all([...metrics].filter(({ name }) => isAsked(name)).map((metric) => metric.get(wants)))
  // Metrics of others know no selection.
  return found.map((snapshot) => ({
    ...snapshot,
    values: snapshot.values.filter((sample) => isLine(snapshot.name, sample) && wants(sample.labels)),
  }))
}
