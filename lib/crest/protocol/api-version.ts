import { badRequest, notAcceptable } from '../errors.ts'
import type { ResourceHandler } from './request.ts'

export interface AcceptedVersions {
  readonly resource?: string
  readonly protocol?: string
}

/** The newest supported protocol: create by POST without `_action`, upsert by PUT. */
const PROTOCOL = { major: 2, minor: 2 }

/**
 * Parses `Accept-API-Version: resource=2.0, protocol=1.0`.
 * @throws badRequest when it is invalid, notAcceptable for an unsupported protocol
 */
export function parseAcceptApiVersion(header: string | undefined): AcceptedVersions {
  const versions: { resource?: string; protocol?: string } = {}
  for (const part of (header ?? '').split(',').filter((part) => part.trim() !== '')) {
    const [, name, version] = /^\s*(resource|protocol)\s*=\s*(\d{1,5}(?:\.\d{1,5})?)\s*$/i.exec(part) ?? []
    const key = name?.toLowerCase()
    if (version === undefined || (key !== 'resource' && key !== 'protocol'))
      throw badRequest(`Accept-API-Version '${header}' is not of the form resource=1.0, protocol=2.0`)
    versions[key] = version
  }
  if (versions.protocol !== undefined) checkProtocol(versions.protocol)
  return versions
}

function checkProtocol(version: string): void {
  const { major, minor } = parts(version)
  if (major < 1 || major > PROTOCOL.major || (major === PROTOCOL.major && minor > PROTOCOL.minor))
    throw notAcceptable(`Unsupported protocol version ${version}: 1.0 to ${PROTOCOL.major}.${PROTOCOL.minor} are known`)
}

/** Whether the handler supports `version`: the same major number, and at least the minor number. */
export function supportsVersion(handler: ResourceHandler, version: string | undefined): boolean {
  if (version === undefined || !handler.versions) return true
  const wanted = parts(version)
  return handler.versions.map(parts).some(({ major, minor }) => major === wanted.major && minor >= wanted.minor)
}

function parts(version: string): { major: number; minor: number } {
  const [major, minor = 0] = version.split('.').map(Number)
  return { major: major ?? 0, minor }
}
