import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api.ts'

export interface Loaded<T> {
  readonly data: T | undefined
  readonly error: Error | undefined
  /** Milliseconds until the next attempt, while the gateway is away. */
  readonly away: boolean
  readonly reload: () => void
}

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000] as const

/**
 * Loads when `key` changes and, with `every`, again and again. While the gateway is away the last data stays, and it is
 * asked at longer and longer intervals until it is back.
 * @param load may show data before it has ended, such as what a stream brings
 * @param every milliseconds until the data is loaded again; undefined = not at all
 */
export function useLoad<T>(
  key: string,
  load: (signal: AbortSignal, show: (data: T) => void) => Promise<T>,
  every?: (data: T) => number | undefined,
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error; away?: boolean }>({ key })
  const [turn, setTurn] = useState(0)
  const latest = useRef({ load, every })
  latest.current = { load, every }
  useEffect(() => {
    const abort = new AbortController()
    let timer = 0
    let failures = 0
    const again = (ms: number) => {
      timer = window.setTimeout(run, ms)
    }
    const run = async () => {
      try {
        const show = (data: T) => {
          if (abort.signal.aborted) return
          failures = 0
          setState({ key, data })
        }
        const data = await latest.current.load(abort.signal, show)
        if (abort.signal.aborted) return
        show(data)
        const next = latest.current.every?.(data)
        if (next !== undefined) again(next)
      } catch (error) {
        if (abort.signal.aborted) return
        const away = error instanceof ApiError && error.isTransient
        setState((last) => ({
          key,
          ...(last.key === key && last.data !== undefined && { data: last.data }),
          error: error as Error,
          away,
        }))
        if (away) again(BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)] ?? 0)
      }
    }
    void run()
    return () => {
      abort.abort()
      window.clearTimeout(timer)
    }
  }, [key, turn])
  const reload = useCallback(() => setTurn((number) => number + 1), [])
  const isCurrent = state.key === key
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    away: isCurrent && state.away === true,
    reload,
  }
}

/** Runs one request at a time that a person asked for. */
export function useTask(): {
  readonly busy: boolean
  readonly error: Error | undefined
  readonly run: (work: () => Promise<void>) => void
  readonly clear: () => void
} {
  const [state, setState] = useState<{ busy: boolean; error?: Error }>({ busy: false })
  const busy = useRef(false)
  const run = useCallback((work: () => Promise<void>) => {
    if (busy.current) return
    busy.current = true
    setState({ busy: true })
    work()
      .then(() => setState({ busy: false }))
      .catch((error: Error) => setState({ busy: false, error }))
      .finally(() => {
        busy.current = false
      })
  }, [])
  const clear = useCallback(() => setState({ busy: false }), [])
  return { busy: state.busy, error: state.error, run, clear }
}

/** The words after `#/`, decoded. */
export function useRoute(): readonly string[] {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = () => setHash(location.hash)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((word) => word !== '')
    .map((word) => decodeURIComponent(word))
}

export const linkTo = (...words: readonly string[]): string => `#/${words.map(encodeURIComponent).join('/')}`

export const goTo = (...words: readonly string[]): void => {
  location.hash = linkTo(...words)
}
