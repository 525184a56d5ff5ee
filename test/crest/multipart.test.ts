import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../../lib/contract.ts'
import { readJsonBody } from '../../lib/crest/http/body.ts'
import { sendError, sendJson } from '../../lib/crest/http/http.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { pattern } from '../helpers/pattern.ts'

/** What a server reads of this form, which is written by Node's own fetch. */
async function read(form: FormData): Promise<{ status: number; body: Json }> {
  const server = createServer((request, response) => {
    readJsonBody(request, 20_000).then(
      (json) => sendJson(response, 200, json),
      (error: unknown) => sendError(response, error),
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onCleanUp(() => server.close())
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: form })
  return { status: answer.status, body: (await answer.json()) as Json }
}

const json = (value: unknown) => new Blob([JSON.stringify(value)], { type: 'application/json; charset=utf-8' })

function formOf(parts: Readonly<Record<string, Blob>>): FormData {
  const form = new FormData()
  for (const [name, blob] of Object.entries(parts)) form.append(name, blob, `${name}.bin`)
  return form
}

describe('a multipart body', () => {
  it('is its JSON part, with the others where it refers to them', async () => {
    const photo = pattern(5000)
    const user = {
      userName: 'bo',
      photo: {
        data: { $ref: 'cid:photo#content' },
        type: { $ref: 'cid:photo#mimetype' },
        name: { $ref: 'cid:photo#filename' },
      },
      list: [{ $ref: 'cid:note' }, { $ref: 'managed/user/x' }],
    }
    const form = formOf({ photo: new Blob([photo], { type: 'image/png' }), user: json(user), note: new Blob(['ü']) })
    assert.deepEqual(await read(form), {
      status: 200,
      body: {
        userName: 'bo',
        photo: { data: photo.toString('base64'), type: 'image/png', name: 'photo.bin' },
        list: [Buffer.from('ü').toString('base64'), { $ref: 'managed/user/x' }],
      },
    })
  })

  const REFUSED: [title: string, parts: Record<string, Blob>, message: RegExp][] = [
    ['no JSON part', { a: new Blob(['{}']) }, /no part of type application\/json/],
    ['a part that is not there', { user: json({ a: { $ref: 'cid:none#content' } }) }, /no part "none"/],
    ['an aspect that is none', { user: json({ a: { $ref: 'cid:user#size' } }) }, /content, mimetype or filename/],
    ['JSON that is none', { user: new Blob(['{'], { type: 'application/json' }) }, /not valid JSON/],
  ]
  for (const [title, parts, message] of REFUSED)
    it(`400: ${title}`, async () => {
      const { status, body } = await read(formOf(parts))
      assert.equal(status, 400)
      assert.match((body as { message: string }).message, message)
    })

  it('413 beyond the limit, whatever it is made of', async () => {
    assert.equal((await read(formOf({ a: new Blob([pattern(40_000)]), user: json({}) }))).status, 413)
  })
})
