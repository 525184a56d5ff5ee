import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { reply, stream } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { open, request } from '../helpers/http.ts'
import { patternChunks, patternSha256 } from '../helpers/pattern.ts'
import { spawnNode } from '../helpers/process.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic } from '../security/app.ts'

const GATEWAY = join(import.meta.dirname, 'fixtures/gateway.ts')
const MEBI = 1024 * 1024
const LARGE = 128 * MEBI
/** Buffers on the way and what the collector has not swept yet. */
const MOST_GROWTH = 48 * MEBI

const hashOf = async (answer: IncomingMessage): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of answer) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

describe('large bodies go through in constant memory', () => {
  ownedBySuite()
  let remote: Remote
  let origin = ''
  let sha256 = ''
  before(async () => {
    remote = await startRemote()
    const dir = await tempDirWith({ 'conf/external.idm-eu.json': basic(remote) })
    const child = spawnNode([GATEWAY, join(dir, 'conf')])
    origin = `http://127.0.0.1:${await child.line(/^\d+$/)}`
    sha256 = patternSha256(LARGE)
    await download(16 * MEBI)
    await upload(16 * MEBI)
  })

  const url = () => `${origin}/openidm/external/idm/eu/large`
  const peak = async () => Number((await request(`${origin}/peak`)).text)

  async function download(bytes: number, declared = false): Promise<string> {
    remote.answer(stream({ bytes, declared }))
    return hashOf(await open(url()).answer)
  }

  async function upload(bytes: number, headers = {}): Promise<string | undefined> {
    remote.answer(reply())
    const body = Readable.from(patternChunks(bytes))
    const { status } = await request(url(), { method: 'PUT', body, headers })
    assert.equal(status, 200)
    return remote.last.sha256
  }

  async function inConstantMemory(work: () => Promise<unknown>): Promise<void> {
    const before = await peak()
    await work()
    const growth = (await peak()) - before
    assert.ok(growth < MOST_GROWTH, `memory grew by ${Math.round(growth / MEBI)} MiB`)
  }

  it('to the caller, chunked', () => inConstantMemory(async () => assert.equal(await download(LARGE), sha256)))

  it('to the caller, with its length', () =>
    inConstantMemory(async () => assert.equal(await download(LARGE, true), sha256)))

  it('to the remote, chunked', () => inConstantMemory(async () => assert.equal(await upload(LARGE), sha256)))

  it('to the remote, with its length', () =>
    inConstantMemory(async () => assert.equal(await upload(LARGE, { 'content-length': LARGE }), sha256)))

  it('to a caller that does not read, from a remote that would send', () =>
    inConstantMemory(async () => {
      const behaviour = stream({ bytes: LARGE })
      remote.answer(behaviour)
      const { outgoing, answer } = open(url())
      await answer
      let last = -1
      let looks = 0
      await until(() => {
        looks = behaviour.sent === last ? looks + 1 : 0
        last = behaviour.sent
        return looks > 30
      }, 'the remote can send no more')
      assert.ok(behaviour.sent < LARGE / 2, `the remote was held back after ${behaviour.sent} bytes`)
      outgoing.destroy()
      await until(() => remote.last.aborted)
    }))
})
