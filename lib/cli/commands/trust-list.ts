import { X509Certificate } from 'node:crypto'
import { relative } from 'node:path'
import { describeCertificate, nameOf } from '../../trust/certificate.ts'
import type { TrustedCertificate } from '../../trust/trust-store.ts'
import type { Command } from '../command.ts'
import { openTrustStore } from '../trust-bundle.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const trustList: Command = {
  name: 'trust list',
  summary: 'Shows the certificates that make a remote trusted, besides those of the system.',
  options: projectOption,
  notes: `Reads security/truststore (PKCS12, JKS or PEM) and security/truststore.pem, or what the properties
openidm.truststore.location and openidm.truststore.password name. Exit status 1: one of them cannot be used.`,

  async run(values, { stdout, stderr, env, cwd }) {
    const store = await openTrustStore(projectDirOf(values, cwd), env)
    const certificates = store.certificates()
    const width = Math.max(...certificates.map(({ alias }) => alias.length))
    for (const certificate of certificates) stdout.write(lineOf(certificate, width, cwd))
    if (certificates.length === 0) stdout.write('There is no certificate besides those of the system.\n')
    if (store.lastError) stderr.write(`${store.lastError.message}\n`)
    return store.lastError ? 1 : 0
  },
}

const lineOf = ({ alias, pem, file }: TrustedCertificate, width: number, cwd: string): string =>
  `${nameOf(alias).padEnd(width)}  ${describeCertificate(new X509Certificate(pem))}  (${relative(cwd, file)})\n`
