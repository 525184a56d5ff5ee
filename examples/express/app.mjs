import express from 'express'
import { externalIdm } from 'openidm-external-idm'

/** A pino-compatible logger: an object with details, then a message. */
const print = (level) => (details, message) => console.error(JSON.stringify({ level, ...details, message }))
const quiet = () => undefined
const log = { trace: quiet, debug: quiet, info: print('info'), warn: print('warn'), error: print('error') }

/** Replace with your own check: callers that reach the router use the credentials of the remotes. */
const authorize = ({ headers }) => (headers.authorization === `Bearer ${process.env.GATEWAY_KEY}` ? true : 401)

const idm = await externalIdm({ confDir: 'conf', authorize, log })

const app = express()
app.get('/openidm/info/ping', (_request, response) => response.json({ host: 'here' }))
// Mounted before body parsers: bodies are streamed to the remote.
app.use('/openidm', idm.router)
app.use(express.json())

const server = app.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () =>
  console.log(`Listening on http://127.0.0.1:${server.address().port}`),
)
process.once('SIGTERM', () => server.close(() => idm.close()))
