/** Text from outside in every reader that meets it: it is read or refused, and soon. */
import fc from 'fast-check'
import { parseJson } from '../../lib/core/json.ts'
import { ResourceException } from '../../lib/crest/errors.ts'
import { matches } from '../../lib/crest/filter/evaluate.ts'
import { parseQueryFilter, printQueryFilter } from '../../lib/crest/filter/query-filter.ts'
import { effectiveRequestOf } from '../../lib/crest/http/effective-request.ts'
import { readingsOf, readResourcePath } from '../../lib/crest/http/request-path.ts'
import { parsePointer } from '../../lib/crest/pointer.ts'
import { parseAcceptApiVersion } from '../../lib/crest/protocol/api-version.ts'
import { conditionsOf } from '../../lib/crest/protocol/conditions.ts'
import { parseFields } from '../../lib/crest/protocol/fields.ts'
import { decodeCookie } from '../../lib/crest/protocol/page-cookie.ts'
import { RequestParameters } from '../../lib/crest/protocol/request-parameters.ts'
import { parseSortKeys } from '../../lib/crest/protocol/sort.ts'
import { credentialsOf } from '../../lib/gateway/access/credentials.ts'
import { networkOf } from '../../lib/gateway/access/login-throttle.ts'
import { typedSubject } from '../../lib/gateway/access/token-subject.ts'
import { describeTarget } from '../../lib/gateway/http/access-log.ts'
import { guardPath } from '../../lib/remote/resource/path-guard.ts'
import { pumped, quickly, type Target } from './target.ts'

/** A refusal is a ResourceException of the caller's making; for JSON a SyntaxError or RangeError. */
function readOrRefuse(read: () => unknown): void {
  quickly(() => {
    try {
      read()
    } catch (error) {
      const isRefusal = error instanceof ResourceException && error.code >= 400 && error.code < 500
      if (!isRefusal && !(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error
    }
  })
}

const HEADERS = [
  'Basic',
  'Bearer',
  ' ',
  '\t',
  'a',
  ':',
  "utf-8''",
  "'",
  '%41',
  '%',
  ',',
  '"',
  'W/',
  '*',
  '=',
  'resource=1.0',
]

export const headers: Target = {
  name: 'headers',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(HEADERS), (text) => {
      readOrRefuse(() => credentialsOf({ authorization: text }))
      readOrRefuse(() => credentialsOf({ 'x-openidm-username': text, 'x-openidm-password': text }))
      readOrRefuse(() => parseAcceptApiVersion(text))
      readOrRefuse(() => conditionsOf({ 'if-match': text, 'if-none-match': text }))
      const head = { method: 'POST', url: '/managed/user', rawHeaders: ['Host', text, 'Host', text] }
      readOrRefuse(() =>
        effectiveRequestOf({
          ...head,
          headers: { connection: text, 'if-match': text, 'x-http-method-override': text },
        }),
      )
      readOrRefuse(() => networkOf(text))
      readOrRefuse(() => typedSubject(`(usr!${text})`))
    })
  },
}

const PATHS = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2F',
  '%252F',
  '%25',
  ';',
  '%3B',
  '\\',
  '%5C',
  '%00',
  '%',
  'a',
  '?',
  '#',
  'é',
]

export const paths: Target = {
  name: 'request lines',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(PATHS), (text) => {
      readOrRefuse(() => effectiveRequestOf({ method: 'GET', url: `/${text}`, headers: {} }))
      readOrRefuse(() => readingsOf(readResourcePath(text)))
      readOrRefuse(() => guardPath(text))
      readOrRefuse(() => describeTarget(text))
    })
  },
}

const PARAMETERS = [
  '_action',
  '_queryFilter',
  '=',
  '&',
  '+',
  '%20',
  '%',
  '%C3',
  'a',
  ',',
  '-',
  '_fields',
  '/',
  '__proto__',
]

export const parameters: Target = {
  name: 'query strings, fields, sort keys, JSON pointers',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(PARAMETERS), (text) => {
      readOrRefuse(() => RequestParameters.ofQueryString(text).query)
      readOrRefuse(() => parseFields(text))
      readOrRefuse(() => parseSortKeys(text))
      readOrRefuse(() => parsePointer(text))
      readOrRefuse(() => parseJson(text))
    })
  },
}

const KEYS = parseSortKeys('a,-b/c')
const COOKIES = ['eyIvYSI6MX0', 'e30', '%3D', '=', '-', '_', 'W10', '{"/a":1,"/b/c":', '[', '{', '"']

export const cookies: Target = {
  name: 'paged results cookies',
  quickRuns: 500,
  async start() {
    const encoded = pumped(COOKIES).map((text) => Buffer.from(text).toString('base64url'))
    return fc.property(fc.oneof(pumped(COOKIES), encoded), (text) => readOrRefuse(() => decodeCookie(KEYS, text)))
  },
}

const FILTERS = [
  ' and ',
  ' or ',
  '!',
  '(',
  ')',
  'a',
  '/a/b',
  ' eq ',
  ' co ',
  ' in ',
  ' pr',
  '[',
  ']',
  '"x"',
  "'",
  '\\',
  '1',
  '-1.5e3',
  'true',
  "'[1,2]'",
]
const OBJECT = { a: ['x', 1, true, null, { b: 'x' }], b: 'x'.repeat(1000), userName: 'bo' }

export const filters: Target = {
  name: 'query filters',
  quickRuns: 500,
  async start() {
    return fc.property(pumped(FILTERS), (text) => {
      readOrRefuse(() => {
        const filter = parseQueryFilter(text)
        matches(filter, OBJECT)
        const again = printQueryFilter(parseQueryFilter(printQueryFilter(filter)))
        if (again !== printQueryFilter(filter)) throw new Error(`it is printed as ${printQueryFilter(filter)}`)
      })
    })
  },
}
