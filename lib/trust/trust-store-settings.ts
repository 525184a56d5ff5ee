/** The settings of the trust store: the properties of IDM, and one of our own for the system's roots. */
import { join, resolve } from 'node:path'
import { evaluateExpression } from '../config/values/substitution/expression.ts'
import type { TokenSource } from '../config/values/substitution/value-sources.ts'
import { Secret } from '../core/secret.ts'
import type { TrustStoreOptions } from './trust-store.ts'

const LOCATION = 'openidm.truststore.location'
const PASSWORD = 'openidm.truststore.password'
/** Our own; IDM has no such property. */
const SYSTEM_ROOTS = 'openidm.truststore.system.roots'

/** Settings by the application; they override the sources. */
export interface TrustStoreChoice {
  readonly path?: string | undefined
  readonly password?: string | undefined
  readonly systemRoots?: boolean | undefined
}

/**
 * The settings of the trust store. The password is looked up at each read, so that it may change.
 * @param sources as in expressions: `openidm.truststore.location` is OPENIDM_TRUSTSTORE_LOCATION in the environment
 * @throws Error with a sentence for an invalid location or system roots setting
 */
export function trustStoreSettings(
  sources: TokenSource,
  projectDir: string,
  { path, password, systemRoots }: TrustStoreChoice = {},
): Pick<TrustStoreOptions, 'path' | 'password' | 'systemRoots'> {
  const location = path ?? propertyOf(LOCATION, sources) ?? join('security', 'truststore')
  return {
    path: resolve(projectDir, location),
    systemRoots: systemRoots ?? withSystemRoots(sources),
    password: () => {
      const value = password ?? propertyOf(PASSWORD, sources)
      return value === undefined ? undefined : new Secret(value)
    },
  }
}

function withSystemRoots(sources: TokenSource): boolean {
  const value = propertyOf(SYSTEM_ROOTS, sources) ?? 'true'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new Error(`${SYSTEM_ROOTS}: must be true or false`)
}

const propertyOf = (token: string, sources: TokenSource): string | undefined =>
  sources.lookup(token) === undefined ? undefined : evaluateExpression(`&{${token}}`, sources)
