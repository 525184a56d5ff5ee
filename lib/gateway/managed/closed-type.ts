/** Restricts a managed type while some of its scripts cannot run. */
import { serviceUnavailable } from '../../crest/errors.ts'
import type { RequestContext, ResourceHandler, ResourceRequest } from '../../crest/protocol/request.ts'
import type { ManagedTypeConfiguration } from './schema.ts'

const READS = ['read', 'query'] as const
const WRITES = ['create', 'update', 'patch', 'delete', 'action'] as const
type Method = (typeof READS)[number] | (typeof WRITES)[number]

/** Hooks that transform reads: without them, values they hide would be exposed. */
const GUARDS_READS: ReadonlySet<string | undefined> = new Set([undefined, 'onRead', 'onRetrieve'])

/** @param faults pointers to the faulty scripts; an empty pointer means the whole type */
export const closedMethods = (faults: readonly (readonly string[])[]): readonly Method[] =>
  faults.some(([hook]) => GUARDS_READS.has(hook)) ? [...READS, ...WRITES] : WRITES

/** Rejects `methods` of `handler` with 503 until `reopen` returns another handler. */
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

/** Makes properties private whose `onRetrieve` script is missing. */
export function hideUnretrieved(type: ManagedTypeConfiguration, faults: readonly (readonly string[])[]): void {
  for (const [, , name = '', hook] of faults) {
    const property = type.schema?.properties?.[name]
    if (hook === 'onRetrieve' && property) property.scope = 'private'
  }
}
