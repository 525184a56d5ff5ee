import { join } from 'node:path'
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  issueCertificate,
  type KeyPair,
} from '../../examples/demo/certificate-authority.ts'
import { writeFiles } from './files.ts'

const DAY_MS = 86_400_000

/** Certificates for tests, made at first use and kept for the whole run. */
export interface TestPki {
  readonly authority: Authority
  /** An authority that nobody trusts. */
  readonly unknownAuthority: Authority
  /** The certificate of `authority`: what a client that trusts it is given as `ca`. */
  readonly ca: string
  /** A good server certificate for these names and addresses; 127.0.0.1, ::1 and localhost when none are given. */
  server(...hosts: string[]): Promise<KeyPair>
  /** Its validity ended yesterday. */
  expired(...hosts: string[]): Promise<KeyPair>
  /** Its validity begins tomorrow. */
  notYetValid(...hosts: string[]): Promise<KeyPair>
  /** Good in itself, for a name that no test calls. */
  wrongHost(): Promise<KeyPair>
  /** Issued by `unknownAuthority`. */
  unknown(...hosts: string[]): Promise<KeyPair>
  /** For mutual TLS. */
  client(commonName?: string): Promise<KeyPair>
}

const LOCAL = ['127.0.0.1', '::1', 'localhost']

let shared: Promise<TestPki> | undefined

/** The PKI of this run. */
export function testPki(): Promise<TestPki> {
  shared ??= createPki()
  return shared
}

async function createPki(): Promise<TestPki> {
  const authority = await createAuthority('Test authority')
  const unknownAuthority = await createAuthority('Unknown authority')
  const issue = remembering(authority)
  const issueUnknown = remembering(unknownAuthority)
  const past = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) }
  const future = { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) }
  return {
    authority,
    unknownAuthority,
    ca: authority.certificate,
    server: (...hosts) => issue({ hosts: orLocal(hosts) }),
    expired: (...hosts) => issue({ hosts: orLocal(hosts), ...past }),
    notYetValid: (...hosts) => issue({ hosts: orLocal(hosts), ...future }),
    wrongHost: () => issue({ hosts: ['wrong-host.example.org'] }),
    unknown: (...hosts) => issueUnknown({ hosts: orLocal(hosts) }),
    client: (commonName = 'test-client') => issue({ hosts: [], commonName, client: true }),
  }
}

const orLocal = (hosts: readonly string[]): readonly string[] => (hosts.length > 0 ? hosts : LOCAL)

function remembering(authority: Authority): (request: CertificateRequest) => Promise<KeyPair> {
  const issued = new Map<string, Promise<KeyPair>>()
  return (request) => {
    const key = JSON.stringify(request)
    const pair = issued.get(key) ?? issueCertificate(authority, request)
    issued.set(key, pair)
    return pair
  }
}

export interface PemFiles {
  /** The trusted authority's certificate. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** Writes `NAME-ca.pem`, `NAME.pem` and `NAME-key.pem` into `directory` and returns their absolute paths. */
export async function writePem(directory: string, name: string, pair: KeyPair): Promise<PemFiles> {
  const { ca } = await testPki()
  await writeFiles(directory, {
    [`${name}-ca.pem`]: ca,
    [`${name}.pem`]: pair.certificate,
    [`${name}-key.pem`]: pair.key,
  })
  return {
    ca: join(directory, `${name}-ca.pem`),
    certificate: join(directory, `${name}.pem`),
    key: join(directory, `${name}-key.pem`),
  }
}
