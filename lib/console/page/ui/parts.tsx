import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { ApiError } from '../api.ts'
import type { Loaded } from './hooks.ts'
import { type Question, useAllowed } from './permissions.ts'

export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'plain'

/** Its text carries the meaning; the colour helps. */
export const Badge = ({ tone, children }: { tone: Tone; children: ComponentChildren }) => (
  <span class={`badge ${tone}`}>{children}</span>
)

export const Problem = ({ error }: { error: Error | undefined }) => (
  <div role="alert">{error && <p class="problem">{error.message}</p>}</div>
)

export const Note = ({ children }: { children: ComponentChildren }) => <p class="note">{children}</p>

export interface ButtonProps {
  readonly children: ComponentChildren
  readonly onClick?: () => void
  readonly kind?: 'primary' | 'danger' | 'quiet'
  readonly disabled?: boolean | undefined
  readonly submit?: boolean
  readonly label?: string
  /** What it does to the gateway. The button says so where the access rules do not allow it. */
  readonly needs?: readonly Question[]
}

const NOT_ALLOWED = 'Your account may not do this: the access rules of the gateway decide.'

export function Button({ children, onClick, kind, disabled, submit, label, needs = [] }: ButtonProps) {
  const allowed = useAllowed(...needs)
  const id = useId()
  const common = { class: kind, ...(label !== undefined && { 'aria-label': label }) }
  if (allowed !== false)
    return (
      <button {...common} type={submit ? 'submit' : 'button'} disabled={disabled || !allowed} onClick={onClick}>
        {children}
      </button>
    )
  // It can be reached by keyboard, so that its reason can be heard.
  return (
    <>
      <button {...common} type="button" aria-disabled title={NOT_ALLOWED} aria-describedby={id}>
        {children}
      </button>
      <span id={id} hidden>
        {NOT_ALLOWED}
      </span>
    </>
  )
}

/** Its data, or why there is none; while the gateway is away the last data stays. */
export function Loading<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, away } = of
  return (
    <>
      <div role="status">
        {away && <p class="warning">{awayText(error)} It is asked again until it does.</p>}
        {data === undefined && !error && <p class="note">Loading…</p>}
      </div>
      <Problem error={away ? undefined : error} />
      {data !== undefined && children(data)}
    </>
  )
}

const awayText = (error: Error | undefined): string =>
  error instanceof ApiError && error.status === 0 ? error.message : 'The gateway does not answer.'

/**
 * A table that scrolls sideways on its own where the screen is narrow.
 * @param head `#` in front: a column of numbers
 */
export function Table({
  label,
  head,
  children,
}: {
  label: string
  head: readonly string[]
  children: ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((text) => (
              <th key={text} scope="col" class={text.startsWith('#') ? 'number' : undefined}>
                {text.replace(/^#/, '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  )
}

interface FieldProps {
  readonly label: string
  readonly hint?: ComponentChildren
  readonly error?: string | undefined
  readonly children: (props: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => JSX.Element
}

/** A control with its label, hint and fault. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(described && { 'aria-describedby': described }),
        ...(error && { 'aria-invalid': true as const }),
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="problem" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  )
}

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Modal, with the browser's own handling of focus and Escape. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    ref.current?.showModal()
    return () => (before as HTMLElement | null)?.focus?.()
  }, [])
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

interface ConfirmProps extends DialogProps {
  readonly confirm: string
  readonly needs?: readonly Question[]
  readonly danger?: boolean
  readonly busy: boolean
  readonly error?: Error | undefined
  readonly onConfirm: () => void
}

export function Confirm({ confirm, needs = [], danger, busy, error, onConfirm, children, ...dialog }: ConfirmProps) {
  const submit = (event: Event) => {
    event.preventDefault()
    onConfirm()
  }
  return (
    <Dialog {...dialog}>
      <form onSubmit={submit}>
        {children}
        <Problem error={error} />
        <div class="actions">
          <Button onClick={dialog.onClose}>Cancel</Button>
          <Button submit kind={danger ? 'danger' : 'primary'} disabled={busy} needs={needs}>
            {confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** The heading of a page gets the focus, so that a screen reader says where one is. */
export function Page({
  title,
  trail,
  children,
}: {
  title: string
  trail?: ComponentChildren
  children: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Console`
    heading.current?.focus({ preventScroll: true })
  }, [title])
  return (
    <>
      {trail && (
        <nav class="trail" aria-label="Where you are">
          {trail}
        </nav>
      )}
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  )
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

export const Time = ({ at }: { at: string | null | undefined }) =>
  at ? <time dateTime={at}>{TIME.format(new Date(at))}</time> : <>–</>

export const count = (number: number): string => number.toLocaleString()
