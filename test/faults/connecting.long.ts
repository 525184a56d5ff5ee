import { createServer, type LookupFunction, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { onCleanUp } from '../helpers/clean-up.ts'
import { writeAtomically } from '../helpers/files.ts'
import { toLoopback } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, type RemoteTls, startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startTlsRemote } from '../proxy/mounted.ts'
import { startBlackHole, startMute } from '../security/black-hole.ts'
import { type Accident, type Fault, leavesNothing, REMOTE, testFaults } from './fault.ts'

const HOST = 'idm.example.com'
const SOON = { connectionTimeout: '150 ms' }

/** Comes up as it should be, on the port where the accident was. */
async function goodRemote(port: number): Promise<Remote> {
  return startTlsRemote({ port })
}

/** A remote that is replaced by a good one on its port. */
async function replaced(bad: Remote, more: object = {}): Promise<Accident> {
  const { port } = bad
  const remotes = [bad]
  const heal = async () => {
    await bad.close()
    remotes.push(await goodRemote(port))
  }
  return { content: basicOf({ url: `https://${HOST}:${port}/openidm/` }, more), heal, servers: () => remotes }
}

const withTls =
  (make: () => Promise<RemoteTls>, more: object = {}) =>
  async (): Promise<Accident> =>
    replaced(await startTlsRemote({ tls: await make() }), more)

async function nobodyListens(): Promise<Accident> {
  const accident = await replaced(await startTlsRemote())
  await accident.servers()[0]?.close()
  return accident
}

/** Not healed by itself: the instance is given another address. */
async function blackHole(): Promise<Accident> {
  const good = await startTlsRemote()
  return {
    content: basicOf({ url: `https://${HOST}:${await startBlackHole()}/openidm/` }, SOON),
    heal: (app) => app.configure('eu', basicOf(good, SOON)),
    servers: () => [good],
  }
}

async function unknownName(): Promise<Accident> {
  const remote = await startTlsRemote()
  let known = false
  const lookup: LookupFunction = (name, options, callback) => {
    if (known) return toLoopback(name, options, callback)
    callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), [])
  }
  const heal = () => {
    known = true
  }
  return { content: basicOf(remote), heal, lookup, servers: () => [remote] }
}

/** Healed at the gateway: the authority is put into the trust store. */
async function unknownAuthority(): Promise<Accident> {
  const { unknownAuthority: authority, unknown, ca } = await testPki()
  const remote = await startTlsRemote({ tls: await unknown(HOST) })
  return {
    content: basicOf(remote),
    async heal(app) {
      const file = join(dirname(app.confDir), 'security', 'truststore.pem')
      await writeAtomically(file, `${ca}${authority.certificate}`)
      await until(async () => (await app.call('eu/trusted')).status === 200, 'the authority is trusted')
    },
    servers: () => [remote],
  }
}

const plainHttp = async (): Promise<Accident> => replaced(await startRemote())

/** Accepts and says nothing, so the handshake has no end. */
async function mute(): Promise<Accident> {
  const { port } = await startMute()
  const good = await startTlsRemote()
  return {
    content: basicOf({ url: `https://${HOST}:${port}/openidm/` }, SOON),
    heal: (app) => app.configure('eu', basicOf(good)),
    servers: () => [good],
  }
}

/** Resets each connection as soon as the client has said its first word of TLS. */
async function resetInHandshake(): Promise<Accident> {
  const server = createServer((socket: Socket) =>
    socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy()),
  )
  const close = () => new Promise((done) => server.close(done))
  onCleanUp(close)
  const port = await new Promise<number>((done) =>
    server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port)),
  )
  const remotes: Remote[] = []
  return {
    content: basicOf({ url: `https://${HOST}:${port}/openidm/` }),
    async heal() {
      await close()
      remotes.push(await goodRemote(port))
    },
    servers: () => remotes,
  }
}

const demandsClientCertificate = async (): Promise<RemoteTls> => {
  const { server, ca } = await testPki()
  return { ...(await server(HOST)), clientAuthority: ca }
}

const FAULTS: readonly Fault[] = [
  {
    title: 'nobody listens',
    status: 502,
    message: `${REMOTE}it refused the connection`,
    arrange: nobodyListens,
  },
  {
    title: 'a black hole swallows the connection',
    status: 504,
    message: `${REMOTE}connecting to it took too long`,
    arrange: blackHole,
  },
  {
    title: 'the name does not resolve, and then does',
    status: 502,
    message: `${REMOTE}its host name does not resolve`,
    arrange: unknownName,
  },
  {
    title: 'TLS: the authority of the certificate is unknown',
    status: 502,
    message: `${REMOTE}its certificate is not trusted; import its certificate, or that of its authority, into security/truststore`,
    arrange: unknownAuthority,
  },
  {
    title: 'TLS: the certificate has expired',
    status: 502,
    message: `${REMOTE}its certificate has expired`,
    arrange: withTls(async () => (await testPki()).expired(HOST)),
  },
  {
    title: 'TLS: the certificate is not valid yet',
    status: 502,
    message: `${REMOTE}its certificate is not valid yet`,
    arrange: withTls(async () => (await testPki()).notYetValid(HOST)),
  },
  {
    title: 'TLS: the certificate is for another host',
    status: 502,
    message: `${REMOTE}its certificate was issued for another host name`,
    arrange: withTls(async () => (await testPki()).wrongHost()),
  },
  {
    title: 'TLS: the remote does not speak it',
    status: 502,
    message: `${REMOTE}the TLS handshake failed`,
    arrange: plainHttp,
  },
  {
    title: 'TLS: the remote speaks no version of it that we do',
    status: 502,
    message: `${REMOTE}the TLS handshake failed`,
    arrange: withTls(async () => ({ ...(await (await testPki()).server(HOST)), versions: { maxVersion: 'TLSv1.2' } }), {
      tlsVersion: 'TLSv1.3',
    }),
  },
  {
    title: 'TLS: the remote demands a certificate that we do not have',
    status: 502,
    message: `${REMOTE}the TLS handshake failed`,
    arrange: withTls(demandsClientCertificate),
  },
  {
    title: 'TLS: the handshake never ends',
    status: 504,
    message: `${REMOTE}connecting to it took too long`,
    arrange: mute,
  },
  {
    title: 'TLS: the connection is reset in the handshake',
    status: 502,
    message: `${REMOTE}it closed the connection before the response was complete`,
    arrange: resetInHandshake,
  },
]

describe('faults while connecting', () => {
  leavesNothing()
  testFaults(FAULTS)
})
