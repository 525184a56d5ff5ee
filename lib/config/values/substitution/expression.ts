import type { TokenSource } from './value-sources.ts'

/** Max depth of values that refer to values. */
const MAX_DEPTH = 32
/** Max lookups per expression: values that refer to each other several times grow exponentially. */
const MAX_LOOKUPS = 10_000
const MAX_LENGTH = 1024 * 1024

interface Run {
  readonly sources: TokenSource
  lookups: number
}

/** A token during lookup. */
interface Step {
  readonly token: string
  /** As written: the token itself may contain values, which messages must not show. */
  readonly shown: string
}

/**
 * Replaces every `&{token}` and `&{token|default}`. Values, defaults and tokens (`&{&{scheme}.port}`) may contain
 * expressions. The default applies when no source defines the token. `\&{` escapes `&{`.
 * @throws Error that names the token and the sources that were searched; it quotes no value
 */
export const evaluateExpression = (text: string, sources: TokenSource): string =>
  evaluate(text, [], { sources, lookups: 0 })

function evaluate(text: string, steps: readonly Step[], run: Run): string {
  let result = ''
  let position = 0
  for (let start = text.indexOf('&{'); start !== -1; start = text.indexOf('&{', position)) {
    const isEscaped = start > position && text[start - 1] === '\\'
    const end = isEscaped ? start + 2 : endOf(text, start)
    result += isEscaped ? `${text.slice(position, start - 1)}&{` : text.slice(position, start)
    if (!isEscaped) result += resolveToken(text.slice(start + 2, end - 1), steps, run)
    if (result.length > MAX_LENGTH) throw new Error('an expression grows beyond 1 MB')
    position = end
  }
  return result + text.slice(position)
}

/** The position after the `}` that closes the expression at `start`; braces in between come in pairs. */
function endOf(text: string, start: number): number {
  let open = 0
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '{') open += 1
    else if (text[at] === '}') open -= 1
    if (open === 0) return at + 1
  }
  throw new Error(
    'an expression that begins with "&{" has no "}" at its end (write "\\&{" for the characters themselves)',
  )
}

function resolveToken(inner: string, steps: readonly Step[], run: Run): string {
  const bar = barIn(inner)
  const name = (bar === -1 ? inner : inner.slice(0, bar)).trim()
  const step: Step = { token: evaluate(name, steps, run), shown: `&{${name}}` }
  if (step.token === '') throw new Error('an expression "&{}" names no token')
  if (steps.length >= MAX_DEPTH) throw new Error(`expressions are nested deeper than ${MAX_DEPTH}, at ${step.shown}`)
  run.lookups += 1
  if (run.lookups > MAX_LOOKUPS) throw new Error(`an expression needs more than ${MAX_LOOKUPS} values`)

  // A value that refers to its own token means what the next source says.
  const outer = steps.filter(({ token }) => token === step.token).length
  const found = run.sources.lookup(step.token, outer)
  if (found) return found.literal ? found.value : evaluate(found.value, [...steps, step], run)
  if (bar !== -1) return evaluate(inner.slice(bar + 1), steps, run)
  if (outer > 0)
    throw new Error(
      `the value of ${step.shown} refers to itself: ${[...steps, step].map(({ shown }) => shown).join(' > ')}`,
    )
  throw new Error(unresolved(step, run.sources))
}

/** The first `|` that is not inside a nested expression. */
function barIn(inner: string): number {
  let open = 0
  for (let at = 0; at < inner.length; at++) {
    if (inner[at] === '{') open += 1
    else if (inner[at] === '}') open -= 1
    else if (inner[at] === '|' && open === 0) return at
  }
  return -1
}

function unresolved({ token, shown }: Step, sources: TokenSource): string {
  const isPlain = shown === `&{${token}}`
  const example = isPlain ? ` such as &{${token}|value}` : ''
  return `${shown} has no value; looked in: ${sources.describe(isPlain ? token : undefined)}. Define it, or give a default${example}`
}
