/** Spans of OpenTelemetry, for hosts that have registered an SDK; without one, nothing is loaded or done. */
import { createRequire } from 'node:module'
import type { Attributes, Span, SpanKind } from '@opentelemetry/api'

/** Where every copy of @opentelemetry/api finds what the application has registered (its `internal/global-utils`). */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

type Api = typeof import('@opentelemetry/api')
let loaded: Api | undefined

/** Whether the application has registered an SDK. */
export const isTracing = (): boolean => REGISTERED in globalThis

/** Undefined without an SDK: loading the package takes 15 ms. */
function api(): Api | undefined {
  if (loaded) return loaded
  if (!isTracing()) return undefined
  loaded = createRequire(import.meta.url)('@opentelemetry/api') as Api
  return loaded
}

const tracerOf = ({ trace }: Api) => trace.getTracer('openidm-external-idm')

/** The headers of W3C Trace Context. Others of a propagator, such as `baggage`, may hold personal data. */
export const TRACE_HEADERS = ['traceparent', 'tracestate'] as const

/** A request to another server. */
export interface ClientSpan {
  /** Adds the headers of this span. */
  inject(headers: Record<string, unknown>): void
  /** The response has begun. */
  answered(status: number): void
  /** There is no response. Ends an open span; harmless after `answered`. */
  failed(reason: string): void
}

/**
 * Begins the span of a request to another server: a child of the active span of the application, or of the caller's
 * `traceparent` when there is none.
 * @param incoming the headers of the caller
 * @returns undefined without an SDK
 */
export function startClientSpan(name: string, attributes: Attributes, incoming = {}): ClientSpan | undefined {
  const library = api()
  if (!library) return undefined
  const { context, propagation, trace, SpanStatusCode } = library
  const active = context.active()
  const parent = trace.getSpan(active) ? active : propagation.extract(active, incoming)
  const kind: SpanKind.CLIENT = library.SpanKind.CLIENT
  const span = tracerOf(library).startSpan(name, { kind, attributes }, parent)
  return {
    inject: (headers) => {
      const carrier: Record<string, string> = {}
      propagation.inject(trace.setSpan(parent, span), carrier)
      for (const header of TRACE_HEADERS) if (carrier[header] !== undefined) headers[header] = carrier[header]
    },
    answered: (status) => {
      span.setAttribute('http.response.status_code', status)
      if (status >= 400) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', String(status))
      span.end()
    },
    failed: (reason) => {
      if (!span.isRecording()) return
      span.setStatus({ code: SpanStatusCode.ERROR, message: reason }).setAttribute('error.type', reason)
      span.end()
    },
  }
}

/**
 * Runs `work` in a span that is active meanwhile.
 * @param resultOf attributes that are known at the end; an `error.type` among them fails the span
 */
export function traced<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  resultOf: (result: T) => Attributes = () => ({}),
): Promise<T> {
  const library = api()
  if (!library) return work()
  const { ERROR } = library.SpanStatusCode
  return tracerOf(library).startActiveSpan(name, { attributes }, async (span: Span) => {
    try {
      const result = await work()
      const more = resultOf(result)
      if (more['error.type'] !== undefined) span.setStatus({ code: ERROR })
      span.setAttributes(more)
      return result
    } catch (error) {
      // Its message may name objects.
      span.setStatus({ code: ERROR }).setAttribute('error.type', error instanceof Error ? error.name : 'error')
      throw error
    } finally {
      span.end()
    }
  })
}
