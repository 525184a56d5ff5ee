/** The static files of the console. They hold nothing secret: the page shows data only after a sign-in. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { HttpHandler } from '../contract.ts'
import { sendBytes, sendJson } from '../crest/http/response.ts'
import { type ConsoleSignIn, connectSources, signInForPage } from './sign-in.ts'

/** Where the build puts the page: the same for lib/ and dist/. */
const BUILT = fileURLToPath(new URL('../../dist/console/page/', import.meta.url))

/** What the page asks for to know how people sign in. */
const SIGN_IN = 'sign-in.json'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Nothing inline, nothing of others, no text that becomes a script. @param connect what it sends requests to, beside itself */
const policy = (connect: string): string =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'${connect}; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-cache',
  'content-security-policy': policy(''),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The console is not built</title>
<h1>The console is not built</h1>
<p>Its files are made when the project is installed, unless that was done with <code>--ignore-scripts</code>. In the folder of the
project, run <code>npm run build:console</code> and load this page again.</p>
</html>
`

interface StaticFile {
  readonly type: string
  readonly etag: string
  readonly plain: Buffer
  readonly gzip: Buffer
  /** In place of those that all files have. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface ConsoleOptions {
  /** The OpenID provider at which people sign in, as it is now. Default: none. */
  readonly signIn?: () => ConsoleSignIn | undefined
  /** Where the build has put the page. */
  readonly built?: string
}

/**
 * Serves the console at `console/` of its mount, without a login: `app.use('/openidm', consoleRouter())`. Calls `next()`
 * for other paths. The page signs in at the mount with a name and a password (`X-OpenIDM-Username`,
 * `X-OpenIDM-Password`) or an access token, which it gets from the provider of `signIn`.
 */
export function consoleRouter({ signIn = () => undefined, built = BUILT }: ConsoleOptions = {}): HttpHandler {
  let files = readFiles(built)
  return (request, response, next) => {
    const [path = ''] = (request.url ?? '').split('?')
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || (path !== '/console' && !path.startsWith('/console/'))) return next()
    // Relative, so that it holds behind a path prefix.
    if (path === '/console') return send(response, 308, { location: 'console/' })
    // Built while the gateway runs, it is served at once.
    if (files.size === 0) files = readFiles(built)
    const name = path.slice('/console/'.length) || 'index.html'
    const file = files.get(name)
    if (name === SIGN_IN) sendJson(response, 200, signInForPage(signIn()), HEADERS)
    else if (file) sendFile(request, response, name === 'index.html' ? pageFor(file, signIn()) : file)
    else if (files.size === 0 && name === 'index.html')
      send(response, 503, { 'content-type': TYPES['.html'] ?? '' }, Buffer.from(NOT_BUILT))
    else next()
  }
}

/**
 * The page with the policy that its provider needs. Browsers keep the policy that they have when an answer is 304, so that
 * it is a part of the ETag.
 */
function pageFor(file: StaticFile, signIn: ConsoleSignIn | undefined): StaticFile {
  if (!signIn) return file
  const sources = connectSources(signIn)
  return { ...file, etag: etagOf(file.plain, sources), headers: { 'content-security-policy': policy(` ${sources}`) } }
}

/** @returns no file when the page is not built */
function readFiles(dir: string): ReadonlyMap<string, StaticFile> {
  try {
    const names = readdirSync(dir).filter((name) => TYPES[extname(name)] !== undefined)
    return new Map(names.map((name) => [name, staticFile(dir, name)]))
  } catch {
    return new Map()
  }
}

function staticFile(dir: string, name: string): StaticFile {
  const plain = readFileSync(join(dir, name))
  return { type: TYPES[extname(name)] ?? '', etag: etagOf(plain), plain, gzip: gzipSync(plain, { level: 9 }) }
}

const etagOf = (plain: Buffer, more = ''): string =>
  `"${createHash('sha256').update(plain).update(more).digest('base64url').slice(0, 22)}"`

function sendFile(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { type, etag, plain, gzip, headers: own }: StaticFile,
): void {
  const common = { 'content-type': type, etag, vary: 'accept-encoding', ...own }
  const isZipped = /\bgzip\b/.test(headers['accept-encoding'] ?? '')
  if (headers['if-none-match'] === etag) send(response, 304, common)
  else if (isZipped) send(response, 200, { ...common, 'content-encoding': 'gzip' }, gzip)
  else send(response, 200, common, plain)
}

const send = (
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer = Buffer.alloc(0),
): void => sendBytes(response, status, body, { ...HEADERS, ...headers })
