/** Two fake IDMs over TLS, whose authority nobody trusts yet, and an empty directory. */
import { X509Certificate } from 'node:crypto'
import { Readable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { FakeIdm, json, respond } from '../helpers/fake-idm/fake-idm.ts'
import { tempDir, writeFiles } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'

const string = { type: 'string' }

const user = (more: JsonObject) => ({
  properties: {
    _id: string,
    userName: { ...string, policies: [{ policyId: 'unique' }] },
    sn: string,
    mail: string,
    password: { ...string, scope: 'private', encryption: { purpose: 'idm.password.encryption' } },
    roles: { type: 'array', items: { type: 'relationship' } },
    ...more,
  },
  required: ['userName', 'sn'],
})

/** The schema of their users. */
export const USER = {
  eu: user({ city: string, age: { type: 'number' } }),
  us: user({ age: string, frIndexedString1: string }),
}

const MANAGED: Readonly<Record<'eu' | 'us', JsonObject>> = {
  eu: { objects: [{ name: 'user', schema: USER.eu }, { name: 'role' }] },
  us: { objects: [{ name: 'alpha_user', schema: USER.us }] },
}

export const CREDENTIALS = { userName: 'svc', password: 'pä:ss "$w0rd"' }

export interface InitStage {
  readonly cwd: string
  readonly eu: FakeIdm
  readonly us: FakeIdm
  /** SHA-256 fingerprint of the authority of both. */
  readonly fingerprint: string
  /** Options that answer everything but certificates. */
  readonly flags: readonly string[]
  /** Runs a command without a terminal. */
  run(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

export async function initStage(): Promise<InitStage> {
  const pki = await testPki()
  const pair = await pki.unknown('127.0.0.1')
  const tls = { key: pair.key, certificate: pair.certificate + pki.unknownAuthority.certificate }
  const start = async (name: 'eu' | 'us') => {
    const remote = await startRemote({ tls })
    const idm = new FakeIdm(remote, { credentials: CREDENTIALS, collections: ['managed/user'] })
    remote.answer((exchange) => idm.serve(exchange))
    idm.intercept('GET config/managed', respond(json(200, MANAGED[name])))
    return idm
  }
  const [eu, us] = [await start('eu'), await start('us')]
  const cwd = await tempDir()
  await writeFiles(cwd, { 'secret.txt': `${CREDENTIALS.password}\n` })
  const flags = ['eu', 'us'].flatMap((name) => [
    ...['--remote', `${name}=${name === 'eu' ? eu.url : us.url}`],
    ...['--user', `${name}=${CREDENTIALS.userName}`, '--secret-file', `${name}=secret.txt`],
  ])
  const run = async (...args: string[]) => {
    const printed = { stdout: '', stderr: '' }
    const into = (name: 'stdout' | 'stderr') => ({
      write(text: string) {
        printed[name] += text
      },
    })
    const io = { stdin: Readable.from([]), stdout: into('stdout'), stderr: into('stderr'), env: {}, cwd }
    return { code: await main(args, io), ...printed }
  }
  const { fingerprint256 } = new X509Certificate(pki.unknownAuthority.certificate)
  return { cwd, eu, us, fingerprint: fingerprint256, flags, run }
}
