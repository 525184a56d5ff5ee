import { badRequest, forbidden } from '../../crest/errors.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import { missing } from './listed.ts'

/**
 * `POST authentication?_action=reauthenticate` with the caller's password in `X-OpenIDM-Reauth-Password`:
 * `{ "reauthenticated": true }`; 403 without the header and for a wrong password, 429 as for logins.
 */
export const authentication: ResourceHandler = {
  action: async ({ resourcePath, action }, { reauthenticate, security }) => {
    if (resourcePath !== '') throw missing('authentication', resourcePath)
    if (action !== 'reauthenticate') throw badRequest(`Action ${action} on authentication service not supported`)
    if (!reauthenticate) throw forbidden('Reauthentication failed, missing or empty headers')
    if (!(await reauthenticate())) throw forbidden(`Reauthentication failed for ${security?.authenticationId}`)
    return { reauthenticated: true }
  },
}
