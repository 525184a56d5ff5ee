/** This package as a router on plain http. */
import { serve } from './serve.ts'
import { shipped } from './shipped.ts'

const { externalIdm }: typeof import('../../lib/index.ts') = await shipped('index.js')
const idm = await externalIdm({ confDir: process.env.CONF ?? 'conf', authorize: () => true })

serve((request, response) => idm.router(request, response, () => response.destroy()))
