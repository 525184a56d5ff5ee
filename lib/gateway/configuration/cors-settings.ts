/** CORS settings: `cors` in `conf/gateway.json`, or IDM's own `conf/servletfilter-cors.json`. */
import { z } from '../../core/schema.ts'

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
  /** Default: none. */
  allowedOrigins: z.array(origin, 'must be an array of origins').default([]),
  /** Request headers that scripts may send; replaces the default list. */
  allowedHeaders: z.array(header, 'must be an array of header names').default(ALLOWED_HEADERS),
  /** Response headers that scripts may read. */
  exposedHeaders: z.array(header, 'must be an array of header names').default(EXPOSED_HEADERS),
  /** Whether browsers may send cookies and HTTP authentication. */
  allowCredentials: z.boolean('must be true or false').default(false),
  /** Seconds that browsers may cache a preflight response. */
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

/** `servletfilter-cors.json`: parameters of Jetty's CrossOriginFilter, which are strings; others have no effect. */
export const corsFilterSchema = z
  .object({
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
  .transform(({ initParams: { preflightMaxAge, ...parameters } }): CorsPolicy | undefined =>
    corsSchema.parse({ ...parameters, maxAge: preflightMaxAge }),
  )
