import { badRequest } from '../../crest/errors.ts'

/** The names of one configuration object: `external.idm-eu.json` in `conf/`, `external.idm/eu` over REST. */
export interface ObjectName {
  readonly id: string
  /** null for an object that exists once, such as `sync`. */
  readonly factoryPid: string | null
  readonly alias: string | null
}

const EXTENSION = '.json'
const PID_RULE = /^[A-Za-z0-9][A-Za-z0-9._]{0,127}$/
const ALIAS_RULE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Splits at the first hyphen: a dot is part of a name, never a separator. */
function nameOfStem(stem: string): ObjectName {
  const hyphen = stem.indexOf('-')
  if (hyphen < 0) return { id: stem, factoryPid: null, alias: null }
  const factoryPid = stem.slice(0, hyphen)
  const alias = stem.slice(hyphen + 1)
  return { id: `${factoryPid}/${alias}`, factoryPid, alias }
}

/**
 * The object that a file of `conf/` holds; undefined when the file is none of ours: another extension, a hidden file
 * (ConfigMap links, editors' locks, our own temporary files). The name may still break the rules: see `nameFault`.
 */
export function objectIdOfFile(file: string): ObjectName | undefined {
  if (file.startsWith('.') || !file.endsWith(EXTENSION)) return undefined
  return nameOfStem(file.slice(0, -EXTENSION.length))
}

/**
 * One sentence that names the rule which this name breaks (docs/pitfalls.md#names-as-paths); undefined when it is well.
 */
export function nameFault({ id, factoryPid, alias }: ObjectName): string | undefined {
  const pid = factoryPid ?? id
  if (!PID_RULE.test(pid)) return `the name ${JSON.stringify(pid)} must match ${PID_RULE.source}`
  if (alias !== null && !ALIAS_RULE.test(alias)) {
    return `the instance name ${JSON.stringify(alias)} behind "${pid}-" must match ${ALIAS_RULE.source}`
  }
  return undefined
}

/** The file name of an object; `id` in its canonical form. */
export const fileOfObjectId = (id: string): string => `${id.replace('/', '-')}${EXTENSION}`

/** What owns an object: the factory of an instance, the object itself when it exists once. */
export const pidOf = (id: string): string => id.split('/', 1)[0] ?? id

function nameOfParts(pid: string, alias: string | undefined): ObjectName {
  if (alias === undefined) return nameOfStem(pid)
  return { id: `${pid}/${alias}`, factoryPid: pid, alias }
}

/**
 * The object that a decoded REST path means. `external.idm-eu` is taken for `external.idm/eu`, as clients use both.
 * @throws ResourceException 400 when it has more than two parts or breaks the rules for names
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
