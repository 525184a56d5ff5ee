/** The static files of the console. They hold nothing secret: the page shows data only after a sign-in. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { HttpHandler } from '../contract.ts'
import { sendBytes } from '../crest/http/response.ts'

/** Where the build puts the page: the same for lib/ and dist/. */
const BUILT = fileURLToPath(new URL('../../dist/console/page/', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Nothing inline, nothing of others, no text that becomes a script. */
const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
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
}

/**
 * Serves the console at `console/` of its mount, without a login: `app.use('/openidm', consoleRouter())`. Calls `next()`
 * for other paths. The page signs in at the mount with a name and a password (`X-OpenIDM-Username`,
 * `X-OpenIDM-Password`) or an access token.
 * @param built where the build has put the page
 */
export function consoleRouter(built = BUILT): HttpHandler {
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
    if (file) sendFile(request, response, file)
    else if (files.size === 0 && name === 'index.html')
      send(response, 503, { 'content-type': TYPES['.html'] ?? '' }, Buffer.from(NOT_BUILT))
    else next()
  }
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
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { type: TYPES[extname(name)] ?? '', etag, plain, gzip: gzipSync(plain, { level: 9 }) }
}

function sendFile(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { type, etag, plain, gzip }: StaticFile,
): void {
  const common = { 'content-type': type, etag, vary: 'accept-encoding' }
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
