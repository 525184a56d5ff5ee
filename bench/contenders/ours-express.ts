/** This package as a router in Express 5. */
import express from 'express'
import { serve } from './serve.ts'
import { shipped } from './shipped.ts'

const { externalIdm }: typeof import('../../lib/index.ts') = await shipped('index.js')
const idm = await externalIdm({ confDir: process.env.CONF ?? 'conf', authorize: () => true })
const app = express()
app.use('/openidm', idm.router)

serve(app)
