/** What must not be shown, and its replacement: one list of names of secrets for configuration, plans, scripts and logs. */
import type { Json, JsonObject } from '../contract.ts'
import { isObject } from './json.ts'
import { LRUCache } from './lru-cache.ts'
import { editDistance } from './unknown-properties.ts'

export const STARS = '********'

/** Anywhere in a name in lower case without separators. */
const ANYWHERE =
  /passw(?:or)?d|passwort|passphrase|passcode|secret|credential|token|privatekey|apikey|accesskey|kbainfo|securityanswer|recoverycode/
/** Only as a separate word: `pin`, not `spinner`. */
const WORD = /^(?:\w*pwd|pw|\w{0,8}pass|pins?|t?otp|jwt|salt|private|crypto)$/
/** Words that match by accident. */
const OTHER_WORD = /^(?:compass|bypass|trespass|overpass|underpass|surpass|encompass)$/
/** As the last word of a name; before it describes something else (`keyAlias`, `authType`). */
const LAST_WORD = /^(?:keys?|auth)$|(?:signing|crypto|encryption|master|shared|ssh|storage|account|license)keys?$/
/** Kinds of keys that are public. */
const OPEN_KEY = /(?:public|primary|foreign|sort|site|business|natural)keys?$/
/** A name with this end is about a secret, without being one: `tokenEndpoint`, `passwordField`, `secretId`. */
const ABOUT =
  /(?:endpoint|url|uri|link|id|ids|type|types|method|name|names|attribute|attributes|property|properties|field|fields|column|expiry|expires|timeout|lifetime|age|minutes|seconds|hours|days|length|policy|policies|format|encoding|algorithm|cipher|delimiter|enabled|required|reset|template|path|file|dir|dirs|directory|location|alias|mapping|query|count|limit|size|issuer|audience|version|secretary|secretaries)$/
/** Properties of IDM with the name of another property as their value. */
const NOT_SECRET = new Set(['usercredential', 'usercredentials'])

const MISSPELT = ['password', 'passphrase', 'clientsecret', 'credential', 'credentials']

/** Whether a value with this name is treated as a secret, including misspelt (`passwrod`) and disabled (`_password`) names. */
export function isSecretName(name: string): boolean {
  let isSecret = judged.get(name)
  if (isSecret !== undefined) return isSecret
  isSecret = judgeName(name)
  judged.set(name, isSecret)
  return isSecret
}

/** The same few names recur with each object. */
const judged = new LRUCache<string, boolean>({ max: 2000 })

function judgeName(name: string): boolean {
  const words = wordsOf(name)
  const whole = words.join('')
  if (whole === '' || ABOUT.test(whole) || NOT_SECRET.has(whole)) return false
  if (ANYWHERE.test(whole)) return true
  const last = words.at(-1) ?? ''
  if (words.some((word) => WORD.test(word) && !OTHER_WORD.test(word))) return true
  // A member that is just called "key" is half of a pair of name and value.
  if (LAST_WORD.test(last) && !/^keys?$/.test(whole) && !OPEN_KEY.test(whole)) return true
  return [...words, whole].some((word) => word.length > 6 && MISSPELT.some((known) => editDistance(word, known) <= 1))
}

/** `unicodePwd`, `AWS_ACCESSKEY` and `idm.db.pwd` as lower-case words. */
const wordsOf = (name: string): string[] =>
  name
    .slice(0, 200)
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '')

/** The rest of a URL after `://`, up to a character that ends any URL. */
const BEHIND_SCHEME = /(?<=:\/\/)[^\s"'<>]+/g

/** Replaces the user info of each URL in a text with stars, whether the URL is valid or not. */
export const hideUserInfo = (text: string): string =>
  text.includes('://') ? text.replace(BEHIND_SCHEME, hideInAuthority) : text

function hideInAuthority(url: string): string {
  const authority = url.split(/[/?#]/, 1)[0] ?? ''
  // A typed password may contain any character: an invalid port is the beginning of a password.
  const isBroken = /:\d*[^\d]/.test(authority.replace(/^\[[^\]]*\]/, ''))
  const end = (isBroken ? url : authority).lastIndexOf('@')
  return end < 0 ? url : `${STARS}${url.slice(end)}`
}

/** Whether a text contains the user info of a URL. */
export const showsUserInfo = (text: string): boolean => hideUserInfo(text) !== text

/** The place of a value: names and positions from the outermost one. */
type Place = readonly string[]

export interface SecretsOptions {
  /** Places that are secret regardless of their names. */
  readonly isSecret?: (place: Place) => boolean
  /** Returns the replacement of a secret. */
  readonly secret: (value: Json, place: Place) => Json
  /** Returns the replacement of any other string. */
  readonly text: (text: string, place: Place) => Json
  /**
   * Whether an object with the name of a secret is a secret as a whole. It is not in configuration: `password` in a schema
   * describes the property.
   */
  readonly wholeObjects: boolean
}

const toStars = (value: Json): Json => (value === null ? null : STARS)

/** A copy with stars in place of every secret, see `mapSecrets`, and of the user info of URLs. */
export const hideSecrets = (value: Json, options: Partial<SecretsOptions> = {}, place: Place = []): Json =>
  mapSecrets(value, { secret: toStars, text: hideUserInfo, wholeObjects: true, ...options }, place)

/** A copy of `value` in which secrets are replaced: secret places, names of secrets, and encrypted or hashed values. */
export const mapSecrets = (value: Json, options: SecretsOptions, place: Place = []): Json =>
  visit(value, place, false, options)

function visit(value: Json, place: Place, named: boolean, options: SecretsOptions): Json {
  const { isSecret, secret, text, wholeObjects } = options
  if (isEnvelope(value) || isSecret?.(place)) return secret(value, place)
  if (Array.isArray(value)) return value.map((item, index) => visit(item, [...place, `${index}`], named, options))
  if (!isObject(value)) {
    if (named && typeof value !== 'boolean') return secret(value, place)
    return typeof value === 'string' ? text(value, place) : value
  }
  if (named && (wholeObjects || isWrapper(value))) return secret(value, place)
  const members = Object.entries(value)
  // `fromEntries` defines members: none of them, whatever its name, reaches the prototype.
  return Object.fromEntries(
    members.map(([name, member]) => [name, visit(member, [...place, name], isSecretName(name), options)]),
  )
}

/** `{"$crypto":…}`, encrypted or hashed, whether it is valid or not. */
const isEnvelope = (value: Json): value is JsonObject => isObject(value) && Object.hasOwn(value, '$crypto')

/** `{"$base64:decode":…}`, `{"$purpose":…}`: an object that stands for one value. */
export const isWrapper = (value: JsonObject): boolean => {
  const [name, ...others] = Object.keys(value)
  return others.length === 0 && name?.startsWith('$') === true
}
