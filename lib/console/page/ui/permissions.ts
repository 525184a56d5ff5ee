/**
 * What the account that is signed in may do: the gateway is asked, for what is on the screen, since only its access rules
 * know. Answers are kept while something shows them, and asked for again and again.
 */
import { useEffect, useState } from 'preact/hooks'
import { ApiError, call, onRefused } from '../api.ts'
import { session } from '../session.ts'

/** An operation and a path with its parameters: `action recon/ID?_action=approve`. */
export type Question = string

const REFRESH_MS = 5000
/** Of one request: its head is bounded. */
const MAX_QUESTIONS = 50

interface Asked {
  /** How many show it. */
  users: number
  answer?: boolean
}

const asked = new Map<Question, Asked>()
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined
/** What hosts answer that have no such questions. */
const UNKNOWN: readonly number[] = [403, 404, 405, 501]
/** A host that does not answer such questions: what it refuses it says when it is done. */
let isSilent = false

function later(ms: number): void {
  clearTimeout(timer)
  timer = setTimeout(() => void refresh(), ms)
}

// A refusal may be news.
onRefused(() => later(0))

async function refresh(): Promise<void> {
  const questions = [...asked.keys()]
  // Whoever signs in next asks anew.
  if (questions.length === 0 || !session() || isSilent) return
  try {
    for (let at = 0; at < questions.length; at += MAX_QUESTIONS) await ask(questions.slice(at, at + MAX_QUESTIONS))
  } catch (error) {
    // While the gateway is away, what it said last holds.
    if (!(error instanceof ApiError) || !UNKNOWN.includes(error.status)) return later(REFRESH_MS)
    isSilent = true
  }
  for (const listener of listeners) listener()
  later(REFRESH_MS)
}

async function ask(questions: readonly Question[]): Promise<void> {
  const user = session()?.user
  const text = questions.map((question) => `_allowed=${encodeURIComponent(question)}`).join('&')
  const { allowed } = await call<{ allowed: Readonly<Record<Question, boolean>> }>('GET', `?${text}`)
  // Somebody else may have signed in meanwhile.
  if (user !== session()?.user) return
  for (const question of questions) {
    const entry = asked.get(question)
    const answer = allowed[question]
    if (entry && answer !== undefined) entry.answer = answer
  }
}

/**
 * Whether the account may do all of this; undefined while the gateway has not said so.
 * @param questions none: it may
 */
export function useAllowed(...questions: readonly Question[]): boolean | undefined {
  const [answer, setAnswer] = useState(() => answerTo(questions))
  const key = questions.join('\n')
  useEffect(() => {
    if (questions.length === 0) return undefined
    const update = () => setAnswer(answerTo(questions))
    for (const question of questions) {
      const entry = asked.get(question) ?? { users: 0 }
      asked.set(question, { ...entry, users: entry.users + 1 })
      if (entry.answer === undefined) later(0)
    }
    listeners.add(update)
    update()
    return () => {
      listeners.delete(update)
      for (const question of questions) drop(question)
    }
  }, [key])
  return questions.length === 0 ? true : answer
}

function drop(question: Question): void {
  const entry = asked.get(question)
  if (entry && entry.users > 1) asked.set(question, { ...entry, users: entry.users - 1 })
  else asked.delete(question)
}

function answerTo(questions: readonly Question[]): boolean | undefined {
  if (isSilent) return true
  const answers = questions.map((question) => asked.get(question)?.answer)
  return answers.includes(false) ? false : answers.includes(undefined) ? undefined : true
}

/** The question whether an action may be done. */
export const toAct = (path: string, name: string, params: Readonly<Record<string, string>> = {}): Question =>
  `action ${path}?${new URLSearchParams({ _action: name, ...params })}`
