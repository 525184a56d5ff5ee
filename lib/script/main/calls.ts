import { isEncrypted, isHashed } from '../../config/values/crypto/crypto.ts'
import type { Json, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, internalError, notSupported, ResourceException } from '../../crest/errors.ts'
import type { Connection, Fields, Params } from '../../crest/protocol/connection.ts'
import type { ServerProperties } from './identity-server.ts'
import type { ScriptSecrets } from './secrets.ts'

/** The services behind the calls of one run. */
export interface CallTargets {
  readonly connection: Connection
  readonly secrets: ScriptSecrets | undefined
  readonly server: ServerProperties | undefined
}

type Arguments = readonly Json[]
type Call = (targets: CallTargets, args: Arguments) => Json | undefined | Promise<Json | undefined>

/** By the name in the prelude. */
const CALLS: Readonly<Record<string, Call>> = {
  create: async ({ connection }, [name, id, content, params, fields]) =>
    connection.create(
      text(name, 'resourceName'),
      textOrNull(id, 'newResourceId'),
      content ?? null,
      ...rest(params, fields),
    ),
  read: async ({ connection }, [name, params, fields]) =>
    connection.read(text(name, 'resourceName'), ...rest(params, fields)),
  update: async ({ connection }, [name, rev, value, params, fields]) =>
    connection.update(text(name, 'resourceName'), textOrNull(rev, 'rev'), value ?? null, ...rest(params, fields)),
  patch: async ({ connection }, [name, rev, value, params, fields]) =>
    connection.patch(text(name, 'resourceName'), textOrNull(rev, 'rev'), value ?? null, ...rest(params, fields)),
  delete: async ({ connection }, [name, rev, params, fields]) =>
    connection.delete(text(name, 'resourceName'), textOrNull(rev, 'rev'), ...rest(params, fields)),
  query: async ({ connection }, [name, params, fields]) => {
    const answer = await connection.query(text(name, 'resourceName'), ...rest(params, fields))
    return { ...answer }
  },
  action: async ({ connection }, [name, action, content, params, fields]) =>
    connection.action(text(name, 'resourceName'), text(action, 'actionName'), content ?? null, ...rest(params, fields)),
  encrypt: ({ secrets }, [value, cipher, alias]) =>
    known(secrets).encrypt(value ?? null, cipher ?? null, alias ?? null),
  decrypt: ({ secrets }, [value]) => known(secrets).decrypt(value ?? null),
  isEncrypted: (_targets, [value]) => isEncrypted(value),
  hash: ({ secrets }, [value, algorithm, options]) =>
    known(secrets).hash(value ?? null, algorithm ?? null, options ?? null),
  isHashed: (_targets, [value]) => isHashed(value),
  matches: ({ secrets }, [value, hashed]) => known(secrets).matches(value ?? null, hashed ?? null),
  property: ({ server }, [name, substitute]) => server?.property(text(name, 'name'), substitute === true) ?? null,
  location: ({ server }, [kind]) =>
    kind === 'install' || kind === 'project' || kind === 'working' ? (server?.locations[kind] ?? null) : null,
}

/** @throws ResourceException */
export async function answerCall(targets: CallTargets, name: string, args: Arguments): Promise<Json> {
  const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined
  if (!call) throw badRequest(`There is no function ${name}`)
  try {
    return (await call(targets, args)) ?? null
  } catch (error) {
    // The errors of secrets have messages for users, without values.
    if (SECRETS.has(name) && error instanceof Error) throw asException(error)
    throw error
  }
}

const SECRETS: ReadonlySet<string> = new Set(['encrypt', 'decrypt', 'hash', 'matches'])

const asException = (error: Error): ResourceException =>
  error instanceof ResourceException ? error : internalError(error.message, { cause: error })

/** Handles log lines and output of a script, which does not wait for them. */
export function takeOutput(
  log: Logger,
  print: (line: string) => void,
  script: string,
  name: string,
  args: Arguments,
): void {
  const [first, second] = args
  if (name === 'print') print(String(first))
  else if (first === 'trace' || first === 'debug' || first === 'info' || first === 'warn' || first === 'error')
    log[first]({ script }, String(second))
}

function known(secrets: ScriptSecrets | undefined): ScriptSecrets {
  if (secrets) return secrets
  throw notSupported('This gateway has no keys for values at rest')
}

function text(value: Json | undefined, name: string): string {
  if (typeof value === 'string') return value
  throw badRequest(`${name}: must be a string`)
}

function textOrNull(value: Json | undefined, name: string): string | null {
  return value === undefined || value === null ? null : text(value, name)
}

function rest(params: Json | undefined, fields: Json | undefined): [Params, Fields] {
  if (params !== undefined && params !== null && !isObject(params))
    throw badRequest('params: must be an object or null')
  return [params ?? null, fieldsOf(fields)]
}

function fieldsOf(fields: Json | undefined): Fields {
  if (fields === undefined || fields === null) return null
  if (Array.isArray(fields)) return fields.map((field) => text(field, 'fields'))
  throw badRequest('fields: must be an array of strings or null')
}
