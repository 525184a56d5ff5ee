import { useState } from 'preact/hooks'
import { ApiError, call, type JsonObject, query, quoted, segment } from '../api.ts'
import { goTo, linkTo, useLoad, useTask } from '../ui/hooks.ts'
import { Badge, Button, Confirm, Loading, Page, Problem, Time } from '../ui/parts.tsx'
import { Certificates } from './certificates.tsx'
import { Check } from './check.tsx'
import { InstanceForm } from './form.tsx'
import { NEW, useTraffic } from './instances.tsx'
import { STATES, type Status } from './model.ts'

export function Instance({ name }: { name: string }) {
  const trail = <a href={linkTo('instances')}>Instances</a>
  if (name === NEW)
    return (
      <Page title="Add an instance" trail={trail}>
        <section class="card">
          <InstanceForm
            name={undefined}
            content={{ authType: 'basic' }}
            onSaved={(saved) => goTo('instances', saved)}
          />
        </section>
      </Page>
    )
  return (
    <Page title={name} trail={trail}>
      <State name={name} />
      <Check name={name} />
      <Certificates name={name} />
      <Edit name={name} />
    </Page>
  )
}

function State({ name }: { name: string }) {
  const loaded = useLoad(
    name,
    async (signal) => {
      const { result } = await query<Status>('external/idm', { _queryFilter: `_id eq ${quoted(name)}` }, signal)
      if (!result[0]) throw new ApiError(404, `There is no instance "${name}".`)
      return result[0]
    },
    () => 5000,
  )
  const { rate, latency } = useTraffic([name])(name)
  return (
    <section class="card" aria-label="State">
      <Loading of={loaded}>
        {({ state, since, instanceUrl, lastError }) => (
          <>
            <dl class="facts">
              <div>
                <dt>State</dt>
                <dd>
                  <Badge tone={STATES[state][1]}>{STATES[state][0]}</Badge> since <Time at={since} />
                </dd>
              </div>
              <div>
                <dt>Address</dt>
                <dd>
                  <code>{instanceUrl ?? '–'}</code>
                </dd>
              </div>
              <div>
                <dt>Requests</dt>
                <dd>{rate}</dd>
              </div>
              <div>
                <dt>Latency</dt>
                <dd>{latency}</dd>
              </div>
            </dl>
            <p class="note">{STATES[state][2]}</p>
            {lastError && (
              <p class="problem">
                {lastError.message} (<Time at={lastError.time} />)
              </p>
            )}
          </>
        )}
      </Loading>
    </section>
  )
}

function Edit({ name }: { name: string }) {
  const [saved, setSaved] = useState(0)
  const loaded = useLoad(`${name}/${saved}`, (signal) =>
    call<JsonObject>('GET', `config/external.idm/${segment(name)}`, { signal }),
  )
  return (
    <section class="card" aria-label="Settings">
      <h2>Settings</h2>
      <div role="status">{saved > 0 && <p class="success">Saved, and in force.</p>}</div>
      <Loading of={loaded}>
        {(content) => <InstanceForm key={saved} name={name} content={content} onSaved={() => setSaved(saved + 1)} />}
      </Loading>
      <Remove name={name} />
    </section>
  )
}

function Remove({ name }: { name: string }) {
  const [asks, setAsks] = useState(false)
  const needs = [`delete config/external.idm/${segment(name)}`]
  const { busy, error, run, clear } = useTask()
  const remove = () =>
    run(async () => {
      await call('DELETE', `config/external.idm/${segment(name)}`)
      goTo('instances')
    })
  const close = () => {
    clear()
    setAsks(false)
  }
  return (
    <>
      <Button kind="danger" needs={needs} onClick={() => setAsks(true)}>
        Remove this instance…
      </Button>
      {!asks && <Problem error={error} />}
      {asks && (
        <Confirm
          title={`Remove ${name}?`}
          confirm="Remove"
          needs={needs}
          danger
          busy={busy}
          error={error}
          onClose={close}
          onConfirm={remove}
        >
          <p>Its file is deleted. Requests to it are answered with 404. Nothing changes at the remote.</p>
        </Confirm>
      )}
    </>
  )
}
