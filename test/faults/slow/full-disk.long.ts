import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { startGatewayProcess } from '../../helpers/gateway-process.ts'
import { startRemote } from '../../helpers/remote.ts'
import { basic } from '../../security/app.ts'

/** A file system of its own; false where mounting is not allowed. */
function mountSmallDisk(dir: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    return false
  }
  onCleanUp(() => execFileSync('umount', ['-l', dir]))
  return true
}

function fill(file: string): void {
  try {
    for (;;) appendFileSync(file, Buffer.alloc(1024, 'x'))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}

describe('a full disk', () => {
  it('a REST write is refused with 500, what is in force stays, and the next write works when there is room', async function () {
    const project = await tempDir()
    const conf = join(project, 'conf')
    mkdirSync(conf)
    if (!mountSmallDisk(conf)) this.skip()
    const remote = await startRemote()
    const content = basic(remote)
    writeFileSync(join(conf, 'external.idm-eu.json'), JSON.stringify(content))
    const gateway = await startGatewayProcess({}, { project })
    fill(join(conf, 'full'))
    const write = (name: string) =>
      gateway.call(`config/external.idm/${name}`, { method: 'PUT', json: { ...content, userName: 'new' } })
    for (const name of ['eu', 'us']) {
      const { status, json } = await write(name)
      const message = `The configuration external.idm/${name} could not be stored: no space is left on the device; what was stored before is unchanged`
      assert.deepEqual([status, json], [500, { code: 500, reason: 'Internal Server Error', message }])
    }
    assert.equal((await gateway.call('external/idm/eu/x')).status, 200)
    assert.equal((await gateway.call('external/idm/us/x')).status, 404)
    unlinkSync(join(conf, 'full'))
    for (const name of ['eu', 'us']) {
      assert.ok((await write(name)).status < 300)
      const { json } = await gateway.call(`external/idm/${name}/x`)
      const authorization = `Basic ${Buffer.from('new:pw').toString('base64')}`
      assert.equal((json as { headers: Record<string, string> }).headers.authorization, authorization)
    }
    assert.equal(!!gateway.process.stderr.match(/ENOSPC/g)?.length, true, 'the log says why')
    await gateway.process.kill('SIGTERM')
  })
})
