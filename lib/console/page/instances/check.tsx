import { useState } from 'preact/hooks'
import { action, segment } from '../api.ts'
import { useTask } from '../ui/hooks.ts'
import { Badge, Button, Problem } from '../ui/parts.tsx'
import { toAct } from '../ui/permissions.ts'

interface Step {
  readonly step: string
  readonly ok: boolean | null
  readonly message: string
  readonly cure?: string
}

const NAMES: Readonly<Record<string, string>> = {
  configuration: 'Configuration',
  nameResolution: 'Name',
  connection: 'Connection',
  certificate: 'Certificate',
  token: 'Token',
  query: 'Query',
}

/** What is between the gateway and the remote, step by step; it ends at the first that fails. */
export function Check({ name }: { name: string }) {
  const [steps, setSteps] = useState<readonly Step[]>([])
  const path = `external/idm/${segment(name)}`
  const { busy, error, run } = useTask()
  const check = () =>
    run(async () => {
      setSteps([])
      const answer = await action<{ steps: readonly Step[] }>(path, 'test')
      setSteps(answer.steps)
    })
  return (
    <section class="card" aria-label="Check">
      <h2>Check</h2>
      <Button onClick={check} disabled={busy} needs={[toAct(path, 'test')]}>
        {busy ? 'Checking…' : 'Check the way to the remote'}
      </Button>
      <Problem error={error} />
      <div role="status">
        {steps.length > 0 && (
          <ol class="steps">
            {steps.map(({ step, ok, message, cure }) => (
              <li key={step}>
                <span>
                  <Badge tone={ok === null ? 'plain' : ok ? 'good' : 'bad'}>
                    {ok === null ? 'skipped' : ok ? 'well' : 'failed'}
                  </Badge>
                </span>
                <div>
                  <p>
                    <strong>{NAMES[step] ?? step}:</strong> {message}
                  </p>
                  {cure && <p class="note">What to do: {cure}</p>}
                </div>
              </li>
            ))}
          </ol>
        )}
      </div>
    </section>
  )
}
