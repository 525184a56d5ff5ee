import { badRequest } from '../../crest/errors.ts'

/** The name of a configuration object: `external.idm-eu.json` in `conf/`, `external.idm/eu` over REST. */
export interface ObjectName {
  readonly id: string
  /** null for a singleton, such as `sync`. */
  readonly factoryPid: string | null
  readonly alias: string | null
}

const EXTENSION = '.json'
const PID_RULE = /^[A-Za-z0-9][A-Za-z0-9._]{0,127}$/
const ALIAS_RULE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Splits at the first hyphen; dots are part of a name. */
function nameOfStem(stem: string): ObjectName {
  const hyphen = stem.indexOf('-')
  if (hyphen < 0) return { id: stem, factoryPid: null, alias: null }
  const factoryPid = stem.slice(0, hyphen)
  const alias = stem.slice(hyphen + 1)
  return { id: `${factoryPid}/${alias}`, factoryPid, alias }
}

/**
 * The object of a file in `conf/`; undefined for files to ignore: other extensions and hidden files (ConfigMap links,
 * editor locks, drafts). The name may still be invalid: see `nameFault`.
 */
export function objectIdOfFile(file: string): ObjectName | undefined {
  if (file.startsWith('.') || !file.endsWith(EXTENSION)) return undefined
  return nameOfStem(file.slice(0, -EXTENSION.length))
}

/**
 * The naming rule that this name violates, as a sentence (docs/pitfalls.md#names-as-paths); undefined if it is valid.
 */
export function nameFault({ id, factoryPid, alias }: ObjectName): string | undefined {
  const pid = factoryPid ?? id
  if (!PID_RULE.test(pid)) return `the name ${JSON.stringify(pid)} must match ${PID_RULE.source}`
  if (alias !== null && !ALIAS_RULE.test(alias)) {
    return `the instance name ${JSON.stringify(alias)} behind "${pid}-" must match ${ALIAS_RULE.source}`
  }
  return undefined
}

/** The file name of an object with this canonical id. */
export const fileOfObjectId = (id: string): string => `${id.replace('/', '-')}${EXTENSION}`

/** The owner of an object: the factory of an instance, or the singleton itself. */
export const pidOf = (id: string): string => id.split('/', 1)[0] ?? id

function nameOfParts(pid: string, alias: string | undefined): ObjectName {
  if (alias === undefined) return nameOfStem(pid)
  return { id: `${pid}/${alias}`, factoryPid: pid, alias }
}

/**
 * Parses a decoded REST path. `external.idm-eu` means `external.idm/eu`, since clients use both.
 * @throws ResourceException 400 for more than two parts or an invalid name
 */
export function parseObjectId(text: string): ObjectName {
  const [pid = '', alias, ...more] = text.split('/')
  if (more.length > 0) {
    throw badRequest(`The configuration id '${text}' has more than two parts, expected NAME or FACTORY/ALIAS`)
  }
  const name = nameOfParts(pid, alias)
  const fault = nameFault(name)
  if (fault !== undefined) throw badRequest(`The configuration id '${text}' is not valid: ${fault}`)
  return name
}
