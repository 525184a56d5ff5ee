import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, call, type JsonObject } from './api.ts'
import { passwordHeaders, signedIn, signOutNotice } from './session.ts'
import { useTask } from './ui/hooks.ts'
import { Button, Field, Problem } from './ui/parts.tsx'

interface Login {
  readonly authenticationId: string
  readonly authorization: { readonly roles?: readonly string[] }
}

/** Asks the gateway who these credentials are. @throws ApiError */
async function signIn(headers: Record<string, string>): Promise<void> {
  const login = await call<Login & JsonObject>('GET', 'info/login', { headers })
  signedIn({ user: login.authenticationId, roles: login.authorization.roles ?? [], headers })
}

function explained(error: Error | undefined, byToken: boolean): Error | undefined {
  if (!(error instanceof ApiError) || error.status !== 401) return error
  return new Error(byToken ? 'The gateway does not accept this token.' : 'User name or password is wrong.')
}

export function SignIn() {
  const [byToken, setByToken] = useState(false)
  const [name, setName] = useState('')
  const [secret, setSecret] = useState('')
  const first = useRef<HTMLInputElement>(null)
  const { busy, error, run, clear } = useTask()
  useEffect(() => {
    document.title = 'Sign in · Console'
  }, [])
  useEffect(() => first.current?.focus(), [byToken])
  const choose = (token: boolean) => {
    clear()
    setSecret('')
    setByToken(token)
  }
  const submit = (event: Event) => {
    event.preventDefault()
    run(() => signIn(byToken ? { Authorization: `Bearer ${secret.trim()}` } : passwordHeaders(name, secret)))
  }
  const notice = signOutNotice()
  return (
    <main class="sign-in">
      <h1>Sign in</h1>
      {notice && <p class="warning">{notice}</p>}
      <form onSubmit={submit}>
        <fieldset class="checks">
          <legend>With</legend>
          <label>
            <input type="radio" name="with" checked={!byToken} onChange={() => choose(false)} /> a password
          </label>
          <label>
            <input type="radio" name="with" checked={byToken} onChange={() => choose(true)} /> an access token
          </label>
        </fieldset>
        {!byToken && (
          <Field label="User name">
            {(props) => (
              <input
                {...props}
                ref={first}
                autocomplete="username"
                required
                value={name}
                onInput={(e) => setName(e.currentTarget.value)}
              />
            )}
          </Field>
        )}
        <Field
          label={byToken ? 'Access token' : 'Password'}
          hint="It stays in the memory of this page: after a reload you sign in again."
        >
          {(props) => (
            <input
              {...props}
              {...(byToken && { ref: first })}
              type="password"
              autocomplete={byToken ? 'off' : 'current-password'}
              required
              value={secret}
              onInput={(e) => setSecret(e.currentTarget.value)}
            />
          )}
        </Field>
        <Problem error={explained(error, byToken)} />
        <Button submit kind="primary" disabled={busy}>
          Sign in
        </Button>
      </form>
    </main>
  )
}
