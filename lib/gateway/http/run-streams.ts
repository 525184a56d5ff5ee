/** `GET recon/ID` with `Accept: text/event-stream`: a run as it goes on, until it has ended. */
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { HttpHandler, JsonObject } from '../../contract.ts'
import { MAX_RUN_STREAMS, MAX_RUN_STREAMS_OF_ACCOUNT } from '../../core/bounds.ts'
import { forbidden, ResourceException, tooManyRequests, toResourceException } from '../../crest/errors.ts'
import { httpContext } from '../../crest/http/context.ts'
import { type EffectiveRequest, effectiveRequestOf } from '../../crest/http/effective-request.ts'
import { EventStream, type EventStreamOptions } from '../../crest/http/event-stream.ts'
import { sendError } from '../../crest/http/http.ts'
import { type RequestPath, requestPathOf } from '../../crest/http/request-path.ts'
import { representResource } from '../../crest/protocol/represent.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { RequestParameters } from '../../crest/protocol/request-parameters.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { AccessRule } from '../access/access-rules.ts'
import type { Authentication } from '../access/authentication.ts'
import { judgeOf } from './permissions.ts'
import { recordOf, requestContext } from './request-record.ts'

export interface RunStreamsOptions extends EventStreamOptions {
  readonly router: ResourceRouter
  readonly configuration: { readonly access: { readonly value: readonly AccessRule[] } }
  readonly authentication: Pick<Authentication, 'identify' | 'reauthentication'>
  /** Aborts when the gateway begins to stop, which no stream holds up. */
  readonly signal: AbortSignal
}

/** How often a run is read. People see no difference below it. */
const LOOK_MS = 500
/** Reads of the run for each count of the rows of its plan. */
const LOOKS_PER_PLAN = 4
/** Until the credentials of the request are checked again: accounts and tokens end. */
const IDENTIFY_MS = 5000
const RETRY_AFTER_MS = 10_000

/**
 * Serves streams with the events `run` (as `recon/ID`), `plan` (as `recon/plan/ID`, where the caller may read that), `error`,
 * and `end` when the run has ended. Each event holds the whole present state, so that a client that reconnects has missed
 * nothing; with `Last-Event-ID`, what has not changed is not sent again. The run is polled, since any worker may carry it
 * out.
 */
export function runStreams(options: RunStreamsOptions): HttpHandler {
  const open = new Map<string, number>()
  return (request, response, next) => {
    const effective = effectiveRequestOf(request)
    if (!asksForRunStream(effective, request.headers)) return next()
    const account = accountOf(request)
    const count = open.get(account) ?? 0
    if (count >= MAX_RUN_STREAMS_OF_ACCOUNT || sum(open) >= MAX_RUN_STREAMS)
      return sendError(response, tooManyRequests('Too many streams of runs are open: read the run', RETRY_AFTER_MS))
    open.set(account, count + 1)
    response.once('close', () => {
      const left = (open.get(account) ?? 1) - 1
      if (left > 0) open.set(account, left)
      else open.delete(account)
    })
    new RunStream(options, request, response, effective).follow().catch((error: unknown) => sendError(response, error))
  }
}

function asksForRunStream({ method, path, parameters }: EffectiveRequest, { accept }: IncomingHttpHeaders): boolean {
  if (method !== 'GET' || parameters.length > 0 || path.strict !== path.loose) return false
  if (!/(?:^|,)\s*text\/event-stream\s*(?:[;,]|$)/i.test(accept ?? '')) return false
  return /^recon\/(?!(?:assoc|plan)$)[^/]+$/.test(path.strict)
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((one, other) => one + other, 0)

function accountOf(request: IncomingMessage): string {
  const { authorization } = recordOf(request).identity ?? {}
  return `${authorization?.component}/${authorization?.id}`
}

/** What was sent last, or what the caller says it has. */
interface Versions {
  run: string
  plan: string
}

class RunStream {
  readonly #options: RunStreamsOptions
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #effective: EffectiveRequest
  readonly #context: RequestContext
  /** `recon/ID`, and `recon/plan/ID`. */
  readonly #path: string
  readonly #planPath: string
  readonly #planReadings: RequestPath
  readonly #sent: Versions
  #identifiedAt = performance.now()

  constructor(
    options: RunStreamsOptions,
    request: IncomingMessage,
    response: ServerResponse,
    effective: EffectiveRequest,
  ) {
    this.#options = options
    this.#request = request
    this.#response = response
    this.#effective = effective
    this.#path = (request.url ?? '').slice(1).replace(/\?$|\/$/g, '')
    this.#planPath = this.#path.replace(/^recon\//, 'recon/plan/')
    this.#planReadings = requestPathOf(`/${this.#planPath}`)
    const parameters = new RequestParameters([])
    const call = { method: 'GET', path: this.#path, headers: request.headers, parameters, body: undefined }
    const known = requestContext(request, options.authentication)
    this.#context = httpContext(known, { ...call, operations: effective.operations }, request, response)
    const [run = '', plan = ''] = String(request.headers['last-event-id'] ?? '').split('.')
    this.#sent = { run, plan }
  }

  /** @throws ResourceException before the first event */
  async follow(): Promise<void> {
    let run: JsonObject | undefined = await this.#read(this.#path)
    const stream = new EventStream(this.#response, this.#options)
    const signal = AbortSignal.any([stream.closed, this.#options.signal])
    try {
      for (let looks = 0; ; looks++) {
        const isOver = run !== undefined && run.state !== 'ACTIVE'
        if (run && (isOver || !stream.isBlocked)) await this.#tell(stream, run, isOver || looks % LOOKS_PER_PLAN === 0)
        if (isOver) return stream.end('end')
        await wait(LOOK_MS, undefined, { signal })
        await this.#judge()
        run = stream.isBlocked ? undefined : await this.#look()
      }
    } catch (error) {
      // Stopping is no end: the caller comes back.
      if (signal.aborted) stream.end()
      else stream.end('error', JSON.stringify(toResourceException(error)))
    }
  }

  async #tell(stream: EventStream, run: JsonObject, withPlan: boolean): Promise<void> {
    const plan = withPlan ? await this.#plan() : undefined
    const before = { ...this.#sent }
    if (plan) this.#sent.plan = digest(plan)
    const { duration: _, ...compared } = run
    this.#sent.run = digest(compared)
    const sent = this.#sent
    if (plan && sent.plan !== before.plan) stream.send('plan', JSON.stringify(plan), `${before.run}.${sent.plan}`)
    if (sent.run !== before.run) stream.send('run', JSON.stringify(run), `${sent.run}.${sent.plan}`)
  }

  /** @returns undefined while the run moves to another worker */
  async #look(): Promise<JsonObject | undefined> {
    try {
      return await this.#read(this.#path)
    } catch (error) {
      if (toResourceException(error).code === 503) return undefined
      throw error
    }
  }

  /** @returns undefined where there is none, or none for this caller */
  async #plan(): Promise<JsonObject | undefined> {
    if (!this.#mayRead(this.#planReadings)) return undefined
    try {
      return await this.#read(this.#planPath)
    } catch (error) {
      if ([404, 503].includes(toResourceException(error).code)) return undefined
      throw error
    }
  }

  async #read(resourcePath: string): Promise<JsonObject> {
    const request = { method: 'read', resourcePath, fields: [], additionalParameters: {} } as const
    return representResource(await this.#options.router.handle(request, this.#context))
  }

  /** Rules, accounts and tokens change while a run goes on. @throws ResourceException */
  async #judge(): Promise<void> {
    if (performance.now() - this.#identifiedAt > IDENTIFY_MS) await this.#identify()
    if (!this.#mayRead(this.#effective.path)) throw forbidden('Access denied')
  }

  async #identify(): Promise<void> {
    const { authentication } = this.#options
    this.#identifiedAt = performance.now()
    try {
      recordOf(this.#request).identity = await authentication.identify(this.#request, this.#effective.operations)
    } catch (error) {
      // Those who check are busy or away: later.
      if (!(error instanceof ResourceException) || ![429, 503].includes(error.code)) throw error
    }
  }

  #mayRead(path: RequestPath): boolean {
    return judgeOf(this.#request, this.#options.configuration.access.value)(path, { method: 'read' }, [])
  }
}

const digest = (value: JsonObject): string => hash('sha256', JSON.stringify(value), 'base64url').slice(0, 16)
