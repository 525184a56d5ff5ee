import { readFileSync } from 'node:fs'
import { Secret } from '../../core/secret.ts'
import { StartError, startError } from '../project/start-error.ts'
import type { PasswordStore } from './password-store.ts'
import { StaticUser } from './static-user.ts'

export const ADMINISTRATOR = 'openidm-admin'
const DEFAULT_PASSWORD = 'openidm-admin'
/** Applies to addresses that other machines can reach; the login throttle slows guessing down. */
const MIN_PUBLIC_LENGTH = 12
const PASSWORD = 'OPENIDM_ADMIN_PASSWORD'
const PASSWORD_FILE = 'OPENIDM_ADMIN_PASSWORD_FILE'

const TOO_WEAK =
  `the password of ${ADMINISTRATOR} must have at least ${MIN_PUBLIC_LENGTH} characters and must not be the default, ` +
  `if other machines can reach the gateway: set it in ${PASSWORD} or ${PASSWORD_FILE}, or listen on 127.0.0.1`

export interface AdministratorPassword {
  readonly password: Secret
  /** Whether it is the well-known default. */
  readonly isDefault: boolean
}

/**
 * Reads the administrator's password from the environment.
 * @param local whether only this machine can reach the gateway: the default password is accepted only then
 * @throws StartError when the password is missing, empty, given twice or too short for a public address, or its file
 * cannot be read
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
    if (!local && (isDefault || [...password].length < MIN_PUBLIC_LENGTH)) throw new StartError(TOO_WEAK)
    return { password: new Secret(password), isDefault }
  }
  if (local) return { password: new Secret(DEFAULT_PASSWORD), isDefault: true }
  throw new StartError(
    `the password of ${ADMINISTRATOR} is not set: set ${PASSWORD} or ${PASSWORD_FILE} (the default applies to loopback addresses only)`,
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

/** Names of the built-in accounts: stored accounts with these names cannot sign in. */
export const isReservedName = (name: string): boolean => RESERVED.has(name.toLowerCase())

/** The administrator's account with this password. */
export const administrator = (password: Secret): StaticUser =>
  new StaticUser({
    name: ADMINISTRATOR,
    password,
    roles: ['internal/role/openidm-admin', 'internal/role/openidm-authorized'],
  })

/** The built-in accounts: the administrator and the anonymous user. */
export const staticUsers = (password: Secret): PasswordStore[] => [
  administrator(password),
  new StaticUser({ name: ANONYMOUS, password: new Secret('anonymous'), roles: ['internal/role/openidm-reg'] }),
]
