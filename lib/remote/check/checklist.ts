/**
 * The vendor's verification checklist for a remote proxy: steps in order, each with what is wrong and how to correct it.
 * It stops at the first step that fails, since the following ones depend on it.
 */
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { commandLine } from '../../core/command-line.ts'
import { type ConnectionSettings, endpointOf, hostNameOf, openTcp } from '../../core/http/connection.ts'
import { faultBehind, faultOf, faultText } from '../../core/http/fault.ts'
import { ResourceException } from '../../crest/errors.ts'
import { describeCertificate } from '../../trust/certificate.ts'
import { projectOption } from '../../trust/certificate-failure.ts'
import type { Instance } from '../instance/instance.ts'
import { scopeHint } from '../properties/properties.ts'
import { isTrustFailure, type RefusedServer, refusedServer } from './refused-server.ts'

export type StepName = 'configuration' | 'nameResolution' | 'connection' | 'certificate' | 'token' | 'query'

/** One row of the report. `ok` null = not applicable. */
export interface Step {
  readonly step: StepName
  readonly ok: boolean | null
  readonly message: string
  /** How to correct it; only on failure. */
  readonly cure?: string
  /** The refused certificates, one per line, the server's own first. */
  readonly chain?: string[]
}

const QUERY = '?_queryFilter=true&_pageSize=1'
/** Self-managed IDM, then an Advanced Identity Cloud tenant. */
const COLLECTIONS = ['managed/user', 'managed/alpha_user'] as const

/** Runs the checklist for an instance in force. Never rejects. */
export async function* runChecklist(instance: Instance, truststore: string): AsyncGenerator<Step> {
  const settings = instance.connectionSettings()
  yield { step: 'configuration', ok: true, message: `authType ${instance.properties.authType}, ${instance.url.href}` }
  for (const run of [resolveName, openConnection, checkCertificate, obtainToken, answerQuery]) {
    const step = await run(instance, settings, truststore)
    yield step
    if (step.ok === false) return
  }
}

type Run = (instance: Instance, settings: ConnectionSettings, truststore: string) => Promise<Step>

const resolveName: Run = async ({ url, properties }, { lookup = systemLookup as LookupFunction }) => {
  if (properties.proxy) return { step: 'nameResolution', ok: null, message: 'the forward proxy resolves the name' }
  const host = hostNameOf(url)
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error) => {
      if (!error) resolve({ step: 'nameResolution', ok: true, message: `${host} resolves` })
      else resolve(failure('nameResolution', error, 'check the host name in instanceUrl, and the DNS of this machine'))
    })
  })
}

const openConnection: Run = async (instance, settings) => {
  const { url, properties } = instance
  if (properties.proxy) return openTunnel(instance, settings)
  const cure = 'check host and port in instanceUrl, that the remote runs, and the firewalls in between'
  try {
    const socket = await openTcp(url, settings)
    socket.destroy()
    return { step: 'connection', ok: true, message: `port ${endpointOf(url).port} accepts connections` }
  } catch (error) {
    return failure('connection', error, cure)
  }
}

/** A forward proxy opens no tunnel to an http remote: the query shows whether it forwards requests. */
async function openTunnel({ url, properties }: Instance, settings: ConnectionSettings): Promise<Step> {
  if (url.protocol === 'http:')
    return { step: 'connection', ok: null, message: 'the forward proxy opens the connection' }
  try {
    const socket = await openTcp(url, settings)
    socket.destroy()
    return {
      step: 'connection',
      ok: true,
      message: `the forward proxy opens connections to port ${endpointOf(url).port}`,
    }
  } catch (error) {
    const message = faultText(faultBehind(properties, error))
    return { step: 'connection', ok: false, message, cure: 'check proxy: proxyUri, userName and password' }
  }
}

const checkCertificate: Run = async ({ name, url }, settings, truststore) => {
  if (url.protocol !== 'https:') {
    return { step: 'certificate', ok: null, message: 'instanceUrl is http: there is nothing to trust' }
  }
  try {
    const refused = await refusedServer(url, settings, truststore)
    if (refused) return refusedStep('certificate', refused, name, truststore)
    return { step: 'certificate', ok: true, message: 'its certificate is trusted' }
  } catch (error) {
    return failure('certificate', error, NO_TLS)
  }
}

function refusedStep(step: StepName, { chain, failure }: RefusedServer, instance: string, truststore: string): Step {
  const { reason, cure, anchor } = failure
  const fetch = anchor
    ? `. Or have it fetched: ${commandLine()} trust fetch ${instance}${projectOption(truststore)}`
    : ''
  return { step, ok: false, message: reason, cure: cure + fetch, chain: chain.map(describeCertificate) }
}

const NO_TLS = 'check that instanceUrl names a port at which the remote speaks TLS, and tlsVersion'

const obtainToken: Run = async (instance, _settings, truststore) => {
  const { authentication, properties } = instance
  if (properties.authType === 'basic') return { step: 'token', ok: null, message: 'authType basic needs no token' }
  try {
    await authentication.credentials()
    return { step: 'token', ok: true, message: 'the token endpoint granted a token' }
  } catch (error) {
    if (isTrustFailure(error)) {
      const url = new URL(properties.tokenEndpoint)
      const refused = await refusedServer(url, instance.connectionSettings(url), truststore).catch(() => undefined)
      if (refused) return refusedStep('token', refused, instance.name, truststore)
    }
    const refused = error instanceof ResourceException && error.code === 401
    return failure(
      'token',
      error,
      refused ? CLIENT_REFUSED : 'check tokenEndpoint, and that its certificate is trusted',
    )
  }
}

const CLIENT_REFUSED =
  'the OAuth 2.0 client must exist at the remote with this secret, the scope, the grant client_credentials and the ' +
  'same authentication method'

/**
 * Asks for one user, which also obtains a token. Its outcome is the state of the instance.
 * @throws ResourceException without a response; the reason of `signal`
 */
export async function queryCollection(
  { client }: Pick<Instance, 'client'>,
  signal?: AbortSignal,
): Promise<{ readonly collection: string; readonly status: number }> {
  for (const collection of COLLECTIONS) {
    const { status } = await client.request({ method: 'GET', path: collection + QUERY, signal })
    if (status !== 404) return { collection, status }
  }
  return { collection: COLLECTIONS.join(' and on '), status: 404 }
}

const answerQuery: Run = async (instance) => {
  // The steps before have made connections: close the circuit.
  instance.circuit.reached()
  try {
    const { collection, status } = await queryCollection(instance)
    return queryStep(instance, collection, status)
  } catch (error) {
    return failure('query', error, 'see the log of the remote, and check instanceUrl')
  }
}

function queryStep({ properties }: Instance, collection: string, status: number): Step {
  if (status < 300) return { step: 'query', ok: true, message: `a query on ${collection} was answered` }
  const message = `a query on ${collection} was answered with ${status}`
  const bearer = properties.authType === 'bearer'
  const hint = scopeHint(properties)
  const cures: Readonly<Record<number, string>> = {
    401: bearer ? 'the remote must know the client: check its rsFilter' : 'check userName and password',
    403: bearer
      ? `the remote needs a staticUserMapping whose subject is the clientId, with a role that may read${hint ? `; ${hint}` : ''}`
      : 'give the remote user a role that may read',
    404: 'check the path in instanceUrl: it usually ends in /openidm/',
  }
  const other = status < 400 ? 'check instanceUrl: what is there leads elsewhere' : 'see the log of the remote'
  return { step: 'query', ok: false, message, cure: cures[status] ?? other }
}

function failure(step: StepName, error: unknown, cure: string): Step {
  const message = error instanceof ResourceException ? error.message : faultText(faultOf(error))
  return { step, ok: false, message, cure }
}
