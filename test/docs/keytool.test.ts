import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { testPki } from '../helpers/pki.ts'
import { NodeProcess, spawnNode } from '../helpers/process.ts'
import { BIN, has } from './shell.ts'

describe('keytool, as the documentation has it', function () {
  this.timeout(60_000)

  before(async function () {
    if (!(await has('keytool'))) this.skip()
  })

  for (const { page, text } of blocksFor('keytool'))
    it(`makes a remote of ${page} trusted`, async () => {
      const cwd = await tempDirWith({ 'fr-platform.pem': (await testPki()).ca, 'security/.keep': '', 'conf/.keep': '' })
      const keytool = new NodeProcess(spawn('bash', ['-e', '-c', text], { cwd, env: { ...process.env, HOME: cwd } }))
      onCleanUp(() => keytool.kill('SIGKILL'))
      // The password twice, and whether to trust the certificate.
      keytool.input('changeit\nchangeit\nyes\n')
      assert.equal((await keytool.exited).code, 0, keytool.output)
      const list = spawnNode([BIN, 'trust', 'list', '--project', '.'], { cwd })
      await list.exited
      assert.match(list.stdout, /fr-platform/)
    })
})
