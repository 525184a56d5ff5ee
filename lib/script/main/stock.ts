/**
 * The scripts that come with IDM, by name. A copied `conf/` refers to them, and they are not part of it. Each stands for
 * something that this gateway does itself, or that is not here: so it is left out where its file is missing.
 */
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { isMissing } from './script-files.ts'
import type { Script, ScriptService } from './service.ts'

/** What a script of IDM stands for. */
interface Stock {
  /** Completes "it stands for". */
  readonly meaning: string
  /** Left out although the file is there: it could only fail here, or undo what this gateway does itself. */
  readonly isNeverRun?: boolean
  /** New users become active by it. */
  readonly activates?: boolean
  /** As `onSync`, it takes back what could not be synchronized. */
  readonly compensates?: boolean
}

const itself = (meaning: string): Stock => ({ meaning: `${meaning}, which the gateway does itself`, isNeverRun: true })
const absent = (meaning: string): Stock => ({ meaning: `${meaning}, which this gateway does not have` })
const RELATIONSHIPS = { ...absent('roles, assignments and other relationships'), isNeverRun: true }
const WORKFLOW = { ...absent('workflows'), isNeverRun: true }
const NEW_USERS: Stock = {
  meaning: 'defaults of new users, of which the gateway sets "accountStatus"',
  activates: true,
}
const CLEAN_UP = { ...absent('the notifications of a deleted user'), isNeverRun: true }
const USER_INTERFACE = absent("IDM's user interfaces and self-service")

/** Without `.js`; a name that ends with a slash stands for a folder. The first that fits counts. */
const STOCK: readonly (readonly [name: string, stock: Stock])[] = [
  ['router-authz', itself('judging access.json')],
  ['compensate', { meaning: 'taking back what could not be synchronized, which only onSync does', compensates: true }],
  ['policyFilter', itself('judging the policies of managed objects')],
  ['crypto', itself('hashing the passwords of internal users')],
  ['relationshipFilter', RELATIONSHIPS],
  ['roles/', RELATIONSHIPS],
  ['workflow/', WORKFLOW],
  ['onCreateUser', NEW_USERS],
  ['ui/onCreateUser', NEW_USERS],
  ['ui/onCreate-user-set-default-fields', NEW_USERS],
  ['onUpdateUser', USER_INTERFACE],
  ['onDelete-user-cleanup', CLEAN_UP],
  ['ui/onDelete-user-cleanup', CLEAN_UP],
  ['ui/onDetele-user-cleanup', CLEAN_UP],
  ['ui/notification/', CLEAN_UP],
  ['ui/', USER_INTERFACE],
  ['auth/', absent('privileges and protected attributes')],
  ['selfservice/', USER_INTERFACE],
  ['linkedView', absent('the accounts that are linked to a user, for the user interface')],
  ['update/', absent('the migration from an older IDM')],
  ['meta/', absent('metadata of objects')],
]

const stockOf = (name: string): Stock | undefined =>
  STOCK.find(([stock]) => (stock.endsWith('/') ? name.startsWith(stock) : name === stock))?.[1]

/** `require('ui/onCreateUser').setDefaultFields(object);`, once or more, and nothing else. */
const CALL = /\s*(?:[\w.]+\s*=\s*)?require\(\s*(["'])([\w./-]+)\1\s*\)\s*\.\w+\([^()]*\)\s*(?:;|$)/y

/** The modules that a source consists of calls of; empty when there is anything else in it. */
function calledIn(source: string): string[] {
  const names: string[] = []
  CALL.lastIndex = 0
  for (let end = 0; end < source.trimEnd().length; end = CALL.lastIndex) {
    const [, , name] = CALL.exec(source) ?? []
    if (name === undefined) return []
    names.push(name)
  }
  return names
}

const fileOf = (script: Json): string => (isObject(script) && typeof script.file === 'string' ? script.file : '')

/** The scripts of IDM that a script consists of; empty when there is something of its own in it. */
export function stockIn(script: Json): { readonly name: string; readonly stock: Stock }[] {
  const { file, source } = isObject(script) ? script : {}
  const names =
    typeof file === 'string'
      ? [file.replace(/^(?:bin\/defaults\/)?script\//, '')]
      : typeof source === 'string'
        ? calledIn(source)
        : []
  const found = names.map((given) => {
    const name = given.replace(/\.js$/, '')
    return { name, stock: name.includes('correlateTreeToQueryFilter') ? undefined : stockOf(name) }
  })
  return found.flatMap(({ name, stock }) => (stock && found.every((other) => other.stock) ? [{ name, stock }] : []))
}

export interface LeftOut {
  readonly reason: string
  readonly cure: string
  readonly activates: boolean
  readonly compensates: boolean
}

/**
 * Compiles a script unless it is one of IDM's that is to be left out.
 * @throws ResourceException 400 when another one is invalid or does not compile
 */
export async function compileOrLeaveOut(
  service: Pick<ScriptService, 'compileWhole'>,
  script: Json,
  name: string,
): Promise<{ readonly script: Script } | { readonly leftOut: LeftOut }> {
  const stock = stockIn(script)
  if (stock.length === 0) return { script: await service.compileWhole(script, name) }
  if (!stock.some(({ stock: { isNeverRun } }) => isNeverRun)) {
    try {
      return { script: await service.compileWhole(script, name) }
    } catch (error) {
      // Otherwise it does no harm that it is missing, or needs what is not here.
      if (stock.some(({ stock: { compensates } }) => compensates) && !isMissing(error, fileOf(script))) throw error
    }
  }
  return { leftOut: leftOut(stock) }
}

function leftOut(stock: ReturnType<typeof stockIn>): LeftOut {
  const meanings = Map.groupBy(stock, (one) => one.stock.meaning)
  const parts = [...meanings].map(([meaning, scripts]) => {
    const names = [...new Set(scripts.map(({ name }) => `${name}.js`))]
    return `${names.join(', ')} stands for ${meaning}`
  })
  return {
    reason: `the script of IDM is left out: ${parts.join('; ')}`,
    cure: 'nothing, unless you have changed that script: then give it another name',
    activates: stock.some((one) => one.stock.activates),
    compensates: stock.some((one) => one.stock.compensates),
  }
}
