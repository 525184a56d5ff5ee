import { useState } from 'preact/hooks'
import { action, call, segment } from '../api.ts'
import { useTask } from '../ui/hooks.ts'
import { Badge, Button, Confirm, Problem, Time } from '../ui/parts.tsx'
import { type Question, toAct } from '../ui/permissions.ts'

interface Certificate {
  readonly subject: string
  readonly issuer: string
  readonly validFrom: string
  readonly validTo: string
  readonly fingerprint: string
  /** Trust in it suffices. */
  readonly anchor: boolean
}

interface Server {
  readonly host: string
  readonly trusted: boolean
  readonly reason?: string
  readonly cure?: string
  readonly chain: readonly Certificate[]
}

interface Presented {
  readonly servers: readonly Server[]
}

/** What the servers of an instance present, and what is trusted after a person has compared it. */
export function Certificates({ name }: { name: string }) {
  const [presented, setPresented] = useState<Presented>()
  const [asked, setAsked] = useState<Certificate>()
  const { busy, error, run, clear } = useTask()
  const path = `security/truststore/presented/${segment(name)}`
  const load = () => run(async () => setPresented(await call<Presented>('GET', path)))
  const trust = ({ fingerprint }: Certificate) =>
    run(async () => {
      setPresented(await action<Presented>(path, 'trust', {}, { fingerprint }))
      setAsked(undefined)
    })
  const close = () => {
    clear()
    setAsked(undefined)
  }
  return (
    <section class="card" aria-label="Certificates">
      <h2>Certificates</h2>
      <Button onClick={load} disabled={busy} needs={[`read ${path}`]}>
        Show what the remote presents
      </Button>
      {!asked && <Problem error={error} />}
      <div role="status">
        {presented?.servers.length === 0 && <p class="note">Its addresses are http: there is nothing to trust.</p>}
        {presented?.servers.map((server) => (
          <ServerView key={server.host} server={server} needs={[toAct(path, 'trust')]} onTrust={setAsked} />
        ))}
      </div>
      {asked && (
        <Confirm
          title="Trust this certificate?"
          confirm="Trust it"
          needs={[toAct(path, 'trust')]}
          busy={busy}
          error={error}
          onClose={close}
          onConfirm={() => trust(asked)}
        >
          <p>
            Whoever holds its key can pose as the remote. Compare the fingerprint with the administrator of the remote
            first:
          </p>
          <p>
            <code>{asked.fingerprint}</code>
          </p>
        </Confirm>
      )}
    </section>
  )
}

interface ServerProps {
  readonly server: Server
  readonly needs: readonly Question[]
  readonly onTrust: (certificate: Certificate) => void
}

function ServerView({ server, needs, onTrust }: ServerProps) {
  const { host, trusted, reason, cure, chain } = server
  return (
    <>
      <h3>
        {host} <Badge tone={trusted ? 'good' : 'bad'}>{trusted ? 'trusted' : 'not trusted'}</Badge>
      </h3>
      {reason && <p class="problem">{reason}</p>}
      {cure && <p class="note">What to do: {cure}</p>}
      <ol class="steps">
        {chain.map((certificate, index) => (
          <li key={certificate.fingerprint}>
            <span>{index + 1}.</span>
            <div>
              <p>
                <strong>{certificate.subject}</strong>
              </p>
              <p class="note">
                issued by {certificate.issuer}, valid <Time at={certificate.validFrom} /> to{' '}
                <Time at={certificate.validTo} />
              </p>
              <p>
                SHA-256 <code>{certificate.fingerprint}</code>
              </p>
              {certificate.anchor && !trusted && (
                <Button needs={needs} onClick={() => onTrust(certificate)}>
                  Trust this certificate…
                </Button>
              )}
            </div>
          </li>
        ))}
      </ol>
    </>
  )
}
