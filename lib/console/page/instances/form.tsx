import { useState } from 'preact/hooks'
import { ApiError, call, type Json, type JsonObject, segment } from '../api.ts'
import { useTask } from '../ui/hooks.ts'
import { Button, Field, Problem } from '../ui/parts.tsx'
import {
  AUTH_TYPES,
  contentOf,
  type FormField,
  fieldsOf,
  isStored,
  movesSecrets,
  type Texts,
  textsOf,
} from './fields.ts'

interface FormProps {
  /** Undefined: a new instance, whose name is asked for. */
  readonly name: string | undefined
  readonly content: JsonObject
  readonly onSaved: (name: string) => void
}

/** What people fill in first. */
const FIRST = ['instanceUrl', 'userName', 'password', 'clientId', 'clientSecret', 'tokenEndpoint', 'scope', 'enabled']

export function InstanceForm({ name: given, content, onSaved }: FormProps) {
  const [name, setName] = useState(given ?? '')
  const [authType, setAuthType] = useState(String(content.authType ?? 'basic'))
  const [texts, setTexts] = useState<Texts>(() => textsOf(content, AUTH_TYPES.flatMap(fieldsOf)))
  const { busy, error, run } = useTask()
  const fields = fieldsOf(authType)
  const moves = movesSecrets(content, texts, fields)
  const faults = faultsIn(error)
  const path = `config/external.idm/${segment(name || 'name')}`
  const needs = given === undefined ? [`create ${path}`] : [`create ${path}`, `update ${path}`]
  const submit = (event: Event) => {
    event.preventDefault()
    run(async () => {
      await call('PUT', `config/external.idm/${segment(name)}`, {
        body: contentOf(content, authType, texts, fields),
        // A new one must not replace another.
        ...(given === undefined && { headers: { 'If-None-Match': '*' } }),
      })
      onSaved(name)
    })
  }
  const control = (field: FormField) => (
    <Control
      key={field.name}
      field={field}
      value={texts[field.name] ?? ''}
      isStored={isStored(content, field) && String(content.authType) === authType}
      moves={moves}
      fault={faults.get(`/${field.name}`)}
      onChange={(value) => setTexts({ ...texts, [field.name]: value })}
    />
  )
  const first = FIRST.flatMap((key) => fields.find((field) => field.name === key) ?? [])
  const others = fields.filter((field) => !first.includes(field))
  const hasFaultBelow = others.some((field) => faults.has(`/${field.name}`))
  return (
    <form onSubmit={submit}>
      {given === undefined && (
        <Field label="Name" hint="The remote is then at external/idm/NAME.">
          {(props) => (
            <input
              {...props}
              required
              pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
              value={name}
              onInput={(e) => setName(e.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <fieldset class="checks">
        <legend>How the gateway signs in at the remote</legend>
        {AUTH_TYPES.map((type) => (
          <label key={type}>
            <input type="radio" name="authType" checked={type === authType} onChange={() => setAuthType(type)} />{' '}
            {type === 'basic' ? 'user name and password' : 'OAuth 2.0 client'}
          </label>
        ))}
      </fieldset>
      {moves && (
        <p class="warning">
          The address is another one: give the secrets again. A stored secret is never sent to a new address.
        </p>
      )}
      {first.map(control)}
      <details open={hasFaultBelow || undefined}>
        <summary>Connections, TLS, forward proxy</summary>
        {others.map(control)}
      </details>
      <Problem error={error} />
      <div class="actions">
        <Button submit kind="primary" disabled={busy} needs={needs}>
          Save
        </Button>
      </div>
    </form>
  )
}

/** The faults that the gateway has found, by the pointer to their field. */
function faultsIn(error: Error | undefined): ReadonlyMap<string, string> {
  const detail: Json = error instanceof ApiError ? error.detail : null
  const faults = detail !== null && typeof detail === 'object' && !Array.isArray(detail) ? detail.faults : []
  const list = (Array.isArray(faults) ? faults : []) as { pointer?: string; reason?: string }[]
  return new Map(list.map(({ pointer = '', reason = '' }) => [pointer, reason]))
}

interface ControlProps {
  readonly field: FormField
  readonly value: string
  readonly isStored: boolean
  readonly moves: boolean
  readonly fault: string | undefined
  readonly onChange: (value: string) => void
}

function Control({ field, value, isStored: stored, moves, fault, onChange }: ControlProps) {
  const { name, hint, isSecret, isRequired, type, choices, byDefault } = field
  const keeps = isSecret && stored && !moves
  const hints = [
    hint && `${hint.charAt(0).toUpperCase()}${hint.slice(1)}.`,
    byDefault && type !== 'choice' && `Default: ${byDefault}.`,
    keeps && 'One is stored; it is not shown. Leave it empty to keep it.',
  ].filter(Boolean)
  const isExpression = value.includes('&{') || value.startsWith('{')
  const input = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  return (
    <Field label={labelOf(name)} hint={hints.join(' ')} error={fault}>
      {(props) => {
        if (type === 'choice' && !isExpression)
          return (
            <select {...props} value={value} onChange={input}>
              <option value="">{byDefault ? `default (${byDefault})` : 'default'}</option>
              {choices.map((choice) => (
                <option key={choice} value={choice}>
                  {choice}
                </option>
              ))}
            </select>
          )
        const required = (isRequired && !keeps) || (isSecret && stored && moves)
        const common = { ...props, spellcheck: false, required, value, onInput: input }
        if (isSecret && !isExpression) return <input {...common} type="password" autocomplete="new-password" />
        return <input {...common} type="text" autocomplete="off" inputMode={type === 'number' ? 'numeric' : 'text'} />
      }}
    </Field>
  )
}

/** `proxy/proxyUri` as `Proxy: proxy uri`. */
const labelOf = (name: string): string =>
  name
    .split('/')
    .map((part) => part.replace(/[A-Z]+/g, (letters) => ` ${letters.toLowerCase()}`))
    .join(': ')
    .replace(/^./, (letter) => letter.toUpperCase())
    .replace(/\b(url|uri|tls|id)\b/g, (word) => word.toUpperCase())
