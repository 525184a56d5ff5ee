/** Which web pages of other origins may call: `cors` in `conf/gateway.json`, or IDM's own `conf/servletfilter-cors.json`. */
import type { ConfigurationConsumer, ConfigurationObject, JsonObject, Logger } from '../../contract.ts'
import { faultsOf, z } from '../../core/schema.ts'

const ORIGIN_FORM = 'must be an origin such as "https://app.example.com"'
const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const HEADER_FORM = 'must be the name of a header'
const MAX_AGE_FORM = 'must be a number of seconds from 0 to 86400'
const MAX_AGE_S = 86_400

const origin = z.string(ORIGIN_FORM).refine(isOrigin, ORIGIN_FORM)
const header = z.string(HEADER_FORM).regex(/^[!#$%&'*+.^_`|~\w-]+$/, HEADER_FORM)
const maxAge = z.number(MAX_AGE_FORM).int(MAX_AGE_FORM).min(0, MAX_AGE_FORM).max(MAX_AGE_S, MAX_AGE_FORM)

const ALLOWED_HEADERS = [
  'accept',
  'accept-api-version',
  'accept-language',
  'authorization',
  'cache-control',
  'content-type',
  'if-match',
  'if-none-match',
  'traceparent',
  'tracestate',
  'x-forgerock-transactionid',
  'x-openidm-nosession',
  'x-openidm-password',
  'x-openidm-runas',
  'x-openidm-username',
  'x-requested-platform',
  'x-requested-with',
]
const EXPOSED_HEADERS = ['content-api-version', 'etag', 'location', 'retry-after']

export const corsSchema = z.strictObject({
  /** None unless named. */
  allowedOrigins: z.array(origin, 'must be an array of origins').default([]),
  /** Headers that scripts may send; replaces the default list. */
  allowedHeaders: z.array(header, 'must be an array of header names').default(ALLOWED_HEADERS),
  /** Headers that scripts may read. */
  exposedHeaders: z.array(header, 'must be an array of header names').default(EXPOSED_HEADERS),
  /** Whether requests with cookies and HTTP authentication of the browser are allowed. */
  allowCredentials: z.boolean('must be true or false').default(false),
  /** How many seconds a browser may keep the answer to a preflight. */
  maxAge: maxAge.default(600),
})

export type CorsPolicy = Readonly<z.infer<typeof corsSchema>>

const LIST_FORM = 'must be names separated by commas'
const list = z.string(LIST_FORM).transform((text) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean),
)
const flag = z.union([z.boolean(), z.enum(['true', 'false'])], 'must be "true" or "false"')

/** Parameters of Jetty's CrossOriginFilter, which are texts; the others of them change nothing here. */
const filterSchema = z.object({
  initParams: z
    .object({
      allowedOrigins: list.pipe(z.array(origin)).optional(),
      allowedHeaders: list.pipe(z.array(header)).optional(),
      exposedHeaders: list.pipe(z.array(header)).optional(),
      allowCredentials: flag.transform((value) => String(value) === 'true').optional(),
      preflightMaxAge: z
        .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], MAX_AGE_FORM)
        .pipe(maxAge)
        .optional(),
    })
    .default({}),
})

/** `servletfilter-cors.json` as IDM has it. A broken one is logged and never stops the gateway: the last good one stays. */
export class CorsFilter implements ConfigurationConsumer {
  readonly factoryPid = 'servletfilter'
  readonly #log: Logger
  #policy: CorsPolicy | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** undefined when there is no such file. */
  get policy(): CorsPolicy | undefined {
    return this.#policy
  }

  validate(id: string, content: JsonObject): string[] {
    if (id !== 'servletfilter/cors') return []
    const { error } = filterSchema.safeParse(content)
    return error ? faultsOf(error).map(({ key, message }) => `${key}: ${message}`) : []
  }

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const object = objects.find(({ alias }) => alias === 'cors')
    if (!object) {
      this.#policy = undefined
      return
    }
    const faults = object.content ? this.validate(object.id, object.content) : [object.error ?? 'it could not be read']
    if (faults.length > 0) {
      this.#log.error({ file: object.file }, `${object.file}: ${faults.join('; ')}; what was in force stays`)
      return
    }
    this.#policy = policyOf(object.content)
  }
}

function policyOf(content: JsonObject | undefined): CorsPolicy {
  const { preflightMaxAge, ...parameters } = filterSchema.parse(content).initParams
  return corsSchema.parse({ ...parameters, maxAge: preflightMaxAge })
}
