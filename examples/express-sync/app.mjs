import express from 'express'
import { externalIdm } from 'openidm-external-idm'

/** A pino-compatible logger: an object with details, then a message. */
const print = (level) => (details, message) => console.error(JSON.stringify({ level, ...details, message }))
const quiet = () => undefined
const log = { trace: quiet, debug: quiet, info: print('info'), warn: print('warn'), error: print('error') }

/** Replace with your own checks. Those who manage change configuration, and write to the remotes by reconciliation. */
const bears = ({ headers }, key) => key !== undefined && headers.authorization === `Bearer ${key}`
const authorize = (request) => bears(request, process.env.GATEWAY_KEY) || 401
const authorizeManagement = (request) => bears(request, process.env.MANAGER_KEY) && { id: 'manager' }

const idm = await externalIdm({ confDir: 'conf', authorize, authorizeManagement, sync: { db: 'db/openidm.db' }, log })

/** Schedules of `conf/` are the reference gateway's: an application has its own scheduler. */
async function copyPeople() {
  try {
    const { _id, state, statusSummary } = await idm.reconcile('people')
    log.info({ run: _id, state, statusSummary }, 'people were reconciled')
  } catch (error) {
    log.error({ reason: error.message }, 'people were not reconciled')
  }
}
const timer = setInterval(copyPeople, 3_600_000)

const app = express()
app.get('/openidm/info/ping', (_request, response) => response.json({ host: 'here' }))
// Mounted before body parsers: bodies are streamed to the remote.
app.use('/openidm', idm.router)

const server = app.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () =>
  console.log(`Listening on http://127.0.0.1:${server.address().port}`),
)
process.once('SIGTERM', () => {
  clearInterval(timer)
  server.close(() => idm.close())
})
