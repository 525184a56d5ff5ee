import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { describeCertificate } from '../../trust/certificate.ts'
import { readPem } from '../../trust/certificate-pem.ts'
import { addToBundle } from '../../trust/trust-store-bundle.ts'
import type { Command } from '../command.ts'
import { bundleOf, editBundle, openTrustStore } from '../trust-bundle.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const trustAdd: Command = {
  name: 'trust add',
  operands: ['ALIAS', 'FILE'],
  summary: 'Trusts the certificate in FILE (PEM or DER), that of a remote or of its authority.',
  options: projectOption,
  notes: `Adds it to security/truststore.pem. Compare the SHA-256 fingerprint with the administrator of the remote.
A running gateway takes it up by itself.`,

  async run(values, { stdout, env, cwd }) {
    const alias = values.operand(0)
    const certificate = await readCertificate(resolve(cwd, values.operand(1)))
    const file = bundleOf(await openTrustStore(projectDirOf(values, cwd), env))
    await editBundle(file, (text) => ({ text: addToBundle(text, alias, certificate) }))
    stdout.write(`Trusted from now on, as ${alias} in ${file}:\n${describeCertificate(certificate)}\n`)
    return 0
  },
}

async function readCertificate(file: string): Promise<X509Certificate> {
  const bytes = await readFile(file).catch((error) => {
    throw startError(file, error)
  })
  if (!bytes.includes('-----BEGIN ')) return parseDer(file, bytes)
  const [first, ...others] = readPem(bytes.toString('utf8'), file)
  if (!first) throw new StartError(`${file}: holds no certificate`)
  if (others.length > 0)
    throw new StartError(
      `${file}: holds ${others.length + 1} certificates; put the one to be trusted into a file of its own`,
    )
  return first.certificate
}

function parseDer(file: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes)
  } catch {
    throw new StartError(`${file}: is no certificate (PEM or DER)`)
  }
}
