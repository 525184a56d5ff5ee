/** This package as a router in Express 5. */
import express from 'express'
import { externalIdm } from '../../lib/index.ts'
import { serve } from './serve.ts'

const idm = await externalIdm({ confDir: process.env.CONF ?? 'conf', authorize: () => true })
const app = express()
app.use('/openidm', idm.router)

serve(app)
