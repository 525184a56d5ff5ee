/** What is left of a managed type while some of its scripts cannot be run. */
import type { Json, JsonObject } from '../../contract.ts'
import { copyJson, isObject } from '../../core/json.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import type { RequestContext, ResourceHandler, ResourceRequest } from '../../crest/protocol/request.ts'
import type { ManagedTypeConfiguration } from './schema.ts'

const READS = ['read', 'query'] as const
const WRITES = ['create', 'update', 'patch', 'delete', 'action'] as const
type Method = (typeof READS)[number] | (typeof WRITES)[number]

/** The hooks that change what is read, so that what they may hide stays hidden. */
const GUARDS_READS: ReadonlySet<string | undefined> = new Set([undefined, 'onRead', 'onRetrieve'])

/** @param faults where the scripts stand; the whole type when it is empty */
export const closedMethods = (faults: readonly (readonly string[])[]): readonly Method[] =>
  faults.some(([hook]) => GUARDS_READS.has(hook)) ? [...READS, ...WRITES] : WRITES

/** Refuses `methods` of `handler` with 503 until `reopen` gives another handler. */
export function closedHandler(
  handler: ResourceHandler,
  methods: readonly Method[],
  message: string,
  reopen: () => Promise<ResourceHandler | undefined>,
): ResourceHandler {
  const refuse = (method: Method) => async (request: ResourceRequest, context: RequestContext) => {
    const open = await reopen()
    if (!open) throw serviceUnavailable(message)
    return open[method]?.(request as never, context)
  }
  const own = [...READS, ...WRITES].map((method) => [
    method,
    methods.includes(method) ? refuse(method) : handler[method]?.bind(handler),
  ])
  return { projectsFields: true, ...Object.fromEntries(own) }
}

/** The type without the scripts at `faults`. A property that a script would show is not shown. */
export function withoutFaults(
  configuration: ManagedTypeConfiguration,
  faults: readonly (readonly string[])[],
): ManagedTypeConfiguration {
  const copy = copyJson(configuration as JsonObject)
  for (const pointer of faults) {
    const name = pointer.at(-1)
    const parent = pointer.slice(0, -1).reduce<Json | undefined>((at, member) => (isObject(at) ? at[member] : at), copy)
    if (name === undefined || !isObject(parent)) continue
    delete parent[name]
    if (name === 'onRetrieve' && pointer.length > 1) parent.scope = 'private'
  }
  return copy as ManagedTypeConfiguration
}
