import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from '../helpers/files.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { spawnNode } from '../helpers/process.ts'
import { DEMO } from './shell.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const exec = promisify(execFile)
const SCRIPTS = JSON.parse(read('package.json')).scripts

describe('CONTRIBUTING.md', () => {
  it('sets up what .ci/run sets up', () => {
    for (const { text } of blocksFor('setup'))
      for (const line of text.trim().split('\n')) assert.match(read('.ci/run'), new RegExp(`^${line}`, 'm'))
  })

  for (const { text } of blocksFor('one-test'))
    it(`runs one test: ${text.trim()}`, async () => {
      const { stdout } = await exec('bash', ['-e', '-c', text], { cwd: ROOT })
      const [, passing = ''] = /(\d+) passing/.exec(stdout) ?? []
      assert.ok(Number(passing) > 0 && Number(passing) < 100, stdout)
    })

  it('starts the demo under the inspector', async () => {
    const [block] = blocksFor('inspect')
    assert.match(block?.text ?? '', /^npx node --inspect examples\/demo\/main\.js$/m)
    const env = { PORT: '0', HTTPS_PORT: '0', OPENIDM_ADMIN_PASSWORD: undefined }
    const started = spawnNode(['--inspect=0', DEMO], { cwd: await tempDir(), env })
    await started.line('Debugger listening on ')
    await started.line('Ctrl-C ends the demo')
  })

  it('names functions to break in that exist', () => {
    const rows = [...read('CONTRIBUTING.md').matchAll(/^\| `(lib\/[\w/.-]+)` \| `(\w+)` \|/gm)]
    assert.ok(rows.length > 0)
    for (const [, file = '', name = ''] of rows)
      assert.match(read(file), new RegExp(`^(?:  |export |async |function )*${name}\\(`, 'm'), `${file}: ${name}`)
  })

  it('generates with a script that exists', () => {
    for (const { text } of blocksFor('docs')) assert.ok(SCRIPTS[text.trim().replace('npm run ', '')], text)
  })
})
