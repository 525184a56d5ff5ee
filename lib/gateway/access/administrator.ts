import { readFileSync } from 'node:fs'
import { Secret } from '../../core/secret.ts'
import { StartError, startError } from '../project/start-error.ts'
import type { PasswordStore } from './password-store.ts'
import { StaticUser } from './static-user.ts'

export const ADMINISTRATOR = 'openidm-admin'
const DEFAULT_PASSWORD = 'openidm-admin'
/** Where others than this machine can guess: the throttle slows them down, and a long password does the rest. */
const MIN_REMOTE_LENGTH = 12
const PASSWORD = 'OPENIDM_ADMIN_PASSWORD'
const PASSWORD_FILE = 'OPENIDM_ADMIN_PASSWORD_FILE'

const TOO_WEAK =
  `the password of ${ADMINISTRATOR} must have at least ${MIN_REMOTE_LENGTH} characters, and not be the well-known one, ` +
  `where others than this machine can reach the gateway: set another in ${PASSWORD} or ${PASSWORD_FILE}, or listen on 127.0.0.1`

export interface AdministratorPassword {
  readonly password: Secret
  /** It is the one that everybody knows. */
  readonly isDefault: boolean
}

/**
 * The administrator's password from the environment.
 * @param local whether only this machine can reach the gateway: the well-known default is good for that alone
 * @throws StartError when the password is missing, empty, said twice, too short for an address that others reach,
 *   or its file cannot be read
 */
export function administratorPassword(env: NodeJS.ProcessEnv, local: boolean): AdministratorPassword {
  const { [PASSWORD]: given, [PASSWORD_FILE]: file } = env
  if (given !== undefined && file !== undefined) {
    throw new StartError(`set ${PASSWORD} or ${PASSWORD_FILE}, not both`)
  }
  const password = file === undefined ? given : readPassword(file)
  if (password === '') throw new StartError(`${file === undefined ? PASSWORD : file}: the password is empty`)
  if (password !== undefined) {
    const isDefault = password === DEFAULT_PASSWORD
    if (!local && (isDefault || [...password].length < MIN_REMOTE_LENGTH)) throw new StartError(TOO_WEAK)
    return { password: new Secret(password), isDefault }
  }
  if (local) return { password: new Secret(DEFAULT_PASSWORD), isDefault: true }
  throw new StartError(
    `the password of ${ADMINISTRATOR} is not set: set ${PASSWORD} or ${PASSWORD_FILE} (the well-known default is used on a loopback address only)`,
  )
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw startError(`${PASSWORD_FILE}: ${file}`, error)
  }
}

const ANONYMOUS = 'anonymous'
const RESERVED: ReadonlySet<string> = new Set([ADMINISTRATOR, ANONYMOUS])

/** Names that scripts and logs take for the accounts of a fresh install: no stored account signs in with one. */
export const isReservedName = (name: string): boolean => RESERVED.has(name.toLowerCase())

/** The accounts of a fresh install: the administrator and the one for callers without an account. */
export const staticUsers = (administrator: Secret): PasswordStore[] => [
  new StaticUser({
    name: ADMINISTRATOR,
    password: administrator,
    roles: ['internal/role/openidm-admin', 'internal/role/openidm-authorized'],
  }),
  new StaticUser({ name: ANONYMOUS, password: new Secret('anonymous'), roles: ['internal/role/openidm-reg'] }),
]
