import { listed, resource } from './listed.ts'

/** Descriptions of the built-in roles. */
const ROLES: Readonly<Record<string, string>> = {
  'openidm-admin': 'Administrative access',
  'openidm-authorized': 'Basic minimum user',
  'openidm-cert': 'Authenticated via certificate',
  'openidm-reg': 'Anonymous access',
  'openidm-tasks-manager': 'Allowed to reassign workflow tasks',
  'platform-provisioning': 'Platform provisioning access',
}

const roles = Object.entries(ROLES).map(([name, description]) =>
  resource(name, { name, description, condition: null, temporalConstraints: [], privileges: [] }),
)

/** `internal/role`: the built-in roles, read-only. */
export const internalRoles = listed('internal/role', () => roles)
