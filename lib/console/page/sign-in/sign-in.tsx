import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiError, call, type JsonObject } from '../api.ts'
import { type Credentials, passwordHeaders, signedIn, signOutNotice } from '../session.ts'
import { useLoad, useTask } from '../ui/hooks.ts'
import { Button, Field, Problem } from '../ui/parts.tsx'
import { begin, finish, type Provider, takeReturned } from './provider.ts'

interface Login {
  readonly authenticationId: string
  readonly authorization: { readonly roles?: readonly string[] }
}

/** Asks the gateway who these credentials are. @throws ApiError */
async function signIn(credentials: Credentials): Promise<void> {
  const { headers } = credentials
  const login = await call<Login & JsonObject>('GET', 'info/login', { headers })
  signedIn({ user: login.authenticationId, roles: login.authorization.roles ?? [], credentials })
}

type Way = 'provider' | 'password' | 'token'

const REFUSED: Readonly<Record<Way, string>> = {
  provider: 'The gateway does not accept the token of the provider.',
  password: 'User name or password is wrong.',
  token: 'The gateway does not accept this token.',
}

const explained = (error: Error | undefined, way: Way): Error | undefined =>
  error instanceof ApiError && error.status === 401 ? new Error(REFUSED[way]) : error

/** How people sign in here; a host that does not say so has no provider. */
const loadProvider = (signal: AbortSignal): Promise<Provider | null> =>
  call<{ provider: Provider | null }>('GET', 'console/sign-in.json', { signal }).then(
    ({ provider }) => provider,
    (error: unknown) => {
      if (error instanceof ApiError && error.isTransient) throw error
      return null
    },
  )

export function SignIn() {
  const { data: provider, away } = useLoad('sign-in', loadProvider)
  useEffect(() => {
    document.title = 'Sign in · Console'
  }, [])
  const notice = signOutNotice()
  return (
    <main class="sign-in">
      <h1>Sign in</h1>
      {notice && <p class="warning">{notice}</p>}
      <div role="status">
        {away && <p class="warning">The gateway does not answer. It is asked again until it does.</p>}
      </div>
      {provider !== undefined && <SignInForm provider={provider} />}
    </main>
  )
}

function SignInForm({ provider }: { provider: Provider | null }) {
  const [way, setWay] = useState<Way>(provider ? 'provider' : 'password')
  const [name, setName] = useState('')
  const [secret, setSecret] = useState('')
  const first = useRef<HTMLInputElement>(null)
  const { busy, error, run, clear } = useTask()
  // At once: people type as soon as they see the field.
  useLayoutEffect(() => first.current?.focus(), [way])
  useEffect(() => {
    const returned = takeReturned()
    if (!returned) return
    run(async () => {
      if (returned instanceof Error) throw returned
      if (provider) await signIn(await finish(provider, returned))
    })
  }, [])
  const choose = (other: Way) => {
    clear()
    setSecret('')
    setWay(other)
  }
  const submit = (event: Event) => {
    event.preventDefault()
    if (way === 'provider')
      run(async () => {
        if (provider) await begin(provider)
      })
    else
      run(() =>
        signIn({
          headers: way === 'token' ? { Authorization: `Bearer ${secret.trim()}` } : passwordHeaders(name, secret),
        }),
      )
  }
  const ways: readonly (readonly [Way, string])[] = [
    ...(provider ? [['provider', `an account of ${new URL(provider.issuer).host}`] as const] : []),
    ['password', 'a password'],
    ['token', 'an access token'],
  ]
  return (
    <form onSubmit={submit}>
      <fieldset class="checks">
        <legend>With</legend>
        {ways.map(([value, text]) => (
          <label key={value}>
            <input type="radio" name="with" checked={value === way} onChange={() => choose(value)} /> {text}
          </label>
        ))}
      </fieldset>
      {way === 'password' && (
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
      {way === 'provider' ? (
        <p class="hint">You sign in at the provider, and come back here. After a reload you do so again.</p>
      ) : (
        <Field
          label={way === 'token' ? 'Access token' : 'Password'}
          hint="It stays in the memory of this page: after a reload you sign in again."
        >
          {(props) => (
            <input
              {...props}
              {...(way === 'token' && { ref: first })}
              type="password"
              autocomplete={way === 'token' ? 'off' : 'current-password'}
              required
              value={secret}
              onInput={(e) => setSecret(e.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <Problem error={explained(error, way)} />
      <Button submit kind="primary" disabled={busy}>
        {way === 'provider' && busy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  )
}
