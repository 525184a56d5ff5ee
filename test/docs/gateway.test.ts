import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { NodeProcess } from '../helpers/process.ts'
import { BIN } from './shell.ts'

describe('the gateways that the documentation starts', function () {
  this.timeout(60_000)

  for (const { page, heading, text } of blocksFor('serve'))
    it(`${page}, "${heading}"`, async () => {
      const script = text
        .replace('npm run gateway --', `exec "${process.execPath}" "${BIN}" start`)
        .replace(/--port \d+/, '--port 0')
      const cwd = await tempDir()
      const env = { ...process.env, OPENIDM_ADMIN_PASSWORD: undefined }
      const started = new NodeProcess(spawn('bash', ['-e', '-c', script], { cwd, env }))
      onCleanUp(() => started.kill('SIGKILL'))
      const origin = (await started.line('Listening on ', 30_000)).replace('Listening on ', '')
      const auth = `Basic ${Buffer.from('openidm-admin:choose-one').toString('base64')}`
      const { json } = await request(`${origin}/info/ping`, { headers: { authorization: auth } })
      assert.equal((json as { state?: string }).state, 'ACTIVE_READY')
      assert.equal((await started.kill()).code, 0, started.output)
      assert.ok(existsSync(join(cwd, 'my-project/conf')))
    })
})
