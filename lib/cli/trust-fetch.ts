import { join } from 'node:path'
import { faultOf, faultText } from '../core/http/fault.ts'
import { silentLog } from '../core/log.ts'
import { Scope } from '../core/scope.ts'
import { startExternalIdm } from '../external-idm.ts'
import { StartError } from '../gateway/project/start-error.ts'
import { tlsServers } from '../remote/check/refused-server.ts'
import { Instance } from '../remote/instance/instance.ts'
import type { InstanceRegistry } from '../remote/instance/registry.ts'
import { describeCertificate } from '../trust/certificate.ts'
import { bundleOf } from '../trust/trust-bundle-file.ts'
import { withCertificates } from '../trust/trust-store-bundle.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from './command.ts'
import { terminalPrompts } from './prompts.ts'
import { editBundle, loadTrustStore } from './trust.ts'
import { decideTrust, ProvisionalTrust, parseFingerprint } from './trust-decision.ts'

export interface TrustFetchOptions extends ProjectOptions {
  readonly trustFingerprint?: readonly string[]
}

/** Shows what the servers of an instance present, and adds what is decided to the trust store. */
export async function trustFetch(name: string, options: TrustFetchOptions, io: CommandIo): Promise<number> {
  const projectDir = await projectDirOf(options, io.cwd)
  const fingerprints = (options.trustFingerprint ?? []).map(parseFingerprint)
  const trust = new ProvisionalTrust(await loadTrustStore(projectDir, io.env))
  const scope = new Scope(silentLog)
  let servers = 0
  try {
    const { properties, clientCertificate } = (await openInstances(scope, join(projectDir, 'conf'), io.env)).require(
      name,
    )
    const instance = new Instance(name, properties, { trust, env: io.env }, undefined, clientCertificate)
    scope.defer('instance', () => instance.destroy())
    servers = tlsServers(instance).length
    await decideTrust(instance, trust, { fingerprints, prompts: terminalPrompts(io), stdout: io.stdout })
  } catch (error) {
    throw faultOf(error) === 'unexpected' ? error : new StartError(`${name}: ${faultText(faultOf(error))}`)
  } finally {
    await scope.dispose()
  }
  const { added } = trust
  if (added.length === 0) {
    io.stdout.write(
      servers > 0 ? `${name} is trusted already.\n` : `${name} has http addresses: there is nothing to trust.\n`,
    )
    return 0
  }
  const file = bundleOf(trust.store)
  await editBundle(file, (text) => ({ text: withCertificates(text, added) }))
  io.stdout.write(`Trusted from now on, in ${file}:\n${added.map((one) => `${describeCertificate(one)}\n`).join('')}`)
  return 0
}

/** The remote instances of a conf directory, without a gateway; they end with `scope`. */
export async function openInstances(scope: Scope, confDir: string, env: NodeJS.ProcessEnv): Promise<InstanceRegistry> {
  const { registry } = await startExternalIdm(scope, {
    capture: () => undefined,
    confDir,
    configuration: undefined,
    authorize: () => false,
    behindMount: true,
    env,
    trustTransactionId: false,
    contextOf: () => ({}),
    log: silentLog,
  })
  return registry
}
