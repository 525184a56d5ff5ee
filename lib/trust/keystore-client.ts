import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { Secret } from '../core/secret.ts'
import { readPem } from './certificate-pem.ts'
import { type KeystoreSource, readPrivateKeys } from './keystore.ts'
import { corruptFile, KeystoreError, wrongPassword } from './keystore-error.ts'
import { formatOf } from './keystore-format.ts'

/** A client certificate (mutual TLS) for `tls.createSecureContext`. */
export interface ClientCertificate {
  /** PEM: its own certificate, then its issuers. */
  readonly cert: string
  /** PEM, PKCS#8, not encrypted. */
  readonly key: Secret
}

export interface ClientSource extends KeystoreSource {
  /** Which key; required when the keystore holds several. */
  readonly alias?: string | undefined
}

/**
 * Reads certificate and key from a PKCS12 or JKS keystore, or from a PEM text that holds both.
 * @throws KeystoreError: wrong password, damaged file, no such key, a key without its certificate
 */
export async function readClientCertificate(source: ClientSource): Promise<ClientCertificate> {
  if (formatOf(source.bytes) === 'PEM') return fromPem(source)
  const entries = await readPrivateKeys(source)
  const { alias, file } = source
  const named =
    alias === undefined ? entries : entries.filter((entry) => entry.alias?.toLowerCase() === alias.toLowerCase())
  const [entry, another] = named
  if (!entry)
    throw new KeystoreError(
      'empty',
      file,
      alias === undefined ? 'holds no private key' : `holds no private key named "${alias}"`,
    )
  if (another)
    throw new KeystoreError(
      'empty',
      file,
      `holds several private keys; name one of ${entries.map((each) => each.alias).join(', ')}`,
    )
  return pair(file, entry.key, entry.chain)
}

const KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/

function fromPem({ file, bytes, password }: ClientSource): ClientCertificate {
  const text = bytes.toString('utf8')
  const chain = readPem(text, file).map(({ certificate }) => certificate)
  const block = KEY.exec(text)?.[0]
  if (block === undefined)
    throw new KeystoreError('empty', file, 'holds no private key; put it into the file besides the certificate')
  return pair(file, privateKey(file, block, password), chain)
}

function privateKey(file: string, pem: string, password: string | Secret): KeyObject {
  try {
    return createPrivateKey({ key: pem, passphrase: typeof password === 'string' ? password : password.reveal() })
  } catch {
    throw pem.includes('ENCRYPTED') ? wrongPassword(file) : corruptFile(file, 'its private key is damaged')
  }
}

/** TLS expects the key's own certificate first, whatever the order in the file. */
function pair(file: string, key: KeyObject, chain: readonly X509Certificate[]): ClientCertificate {
  const own = chain.find((certificate) => certificate.checkPrivateKey(key))
  if (!own) throw new KeystoreError('empty', file, 'holds a private key, and not the certificate that belongs to it')
  const ordered = [own, ...chain.filter((certificate) => certificate !== own)]
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { cert: ordered.map(String).join(''), key: new Secret(pem) }
}
