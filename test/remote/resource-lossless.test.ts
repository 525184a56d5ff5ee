import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { reply } from '../helpers/behaviours.ts'
import { LONG_NUMBERS } from '../helpers/json-text.ts'
import { startRemote } from '../helpers/remote.ts'
import { basic, COLLECTION, FILTER, startGateway, startRecording } from './resource-parts.ts'

const JSON_UTF8 = { 'content-type': 'application/json;charset=utf-8' }
/** `é` as one byte, which is no UTF-8. */
const LATIN1 = Buffer.from('{"_id":"bo","sn":"Ren\xe9"}', 'latin1')

describe('a remote as a resource: nothing is lost on the way', () => {
  const content = `"numbers":[${LONG_NUMBERS.join()}],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}`

  it('long numbers and members called as those of a prototype, in objects and pages', async () => {
    const body = `{"result":[{"_id":"bo",${content}},{"_id":"cy","_rev":"1","sn":"x"}],"resultCount":2}`
    const remote = await startRemote({ behaviour: reply({ body: Buffer.from(body), headers: JSON_UTF8 }) })
    const { connection } = await startGateway(basic(remote.url))
    const { result } = await connection.query(COLLECTION, FILTER)
    assert.equal(JSON.stringify(result), `[{"_id":"bo",${content}},{"_id":"cy","_rev":"1","sn":"x"}]`)
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  it('what was read is sent back digit by digit', async () => {
    const body = Buffer.from(`{"_id":"bo","_rev":"7",${content}}`)
    const remote = await startRemote({ behaviour: reply({ body, headers: JSON_UTF8 }) })
    const { connection } = await startGateway(basic(remote.url))
    const read = await connection.read(`${COLLECTION}/bo`)
    assert.equal(JSON.stringify(read), `{"_id":"bo","_rev":"7",${content}}`)
    await connection.update(`${COLLECTION}/bo`, '7', read as JsonObject)
    assert.equal(remote.last.text, `{"_id":"bo","_rev":"7",${content}}`)
    const value = read?.numbers ?? null
    await connection.patch(`${COLLECTION}/bo`, null, [{ operation: 'replace', field: '/constructor', value }])
    assert.equal(remote.last.text, `[{"operation":"replace","field":"/constructor","value":[${LONG_NUMBERS.join()}]}]`)
  })

  it('a filter with a long number, and an id that is one', async () => {
    const body = Buffer.from('{"result":[{"_id":12345678901234567890}]}')
    const remote = await startRemote({ behaviour: reply({ body, headers: JSON_UTF8 }) })
    const { connection } = await startGateway(basic(remote.url))
    const _queryFilter = `serial eq 9007199254740993 or serial in '[12345678901234567890]'`
    const { result } = await connection.query(COLLECTION, { _queryFilter })
    assert.deepEqual(result, [{ _id: '12345678901234567890' }])
    const sent = new URL(remote.last.url, 'http://x').searchParams.get('_queryFilter')
    assert.equal(sent, `(/serial eq 9007199254740993 or /serial in "[12345678901234567890]")`)
  })
})

describe('a remote as a resource: bytes that are not UTF-8', () => {
  const NAME = `${COLLECTION}/bo`
  const answer = async (status: number, body: Buffer, type = 'application/json') => {
    const remote = await startRemote({ behaviour: reply({ status, body, headers: { 'content-type': type } }) })
    return (await startGateway(basic(remote.url))).connection
  }

  for (const type of ['application/json', 'application/json;charset=utf-8', 'application/json; charset="UTF-8"'])
    it(`are refused as ${type}`, async () => {
      const message = `${NAME}: the text that the remote answered with is not UTF-8`
      for (const call of ['read', 'delete'] as const)
        await assert.rejects((await answer(200, LATIN1, type))[call](NAME, null), { code: 502, message })
      // A byte that would be white space as ISO-8859-1: no answer to take for an empty one.
      await assert.rejects((await answer(200, Buffer.of(0xa0), type)).delete(NAME, null), { code: 502, message })
      const connection = await answer(200, LATIN1, type)
      await assert.rejects(connection.query(COLLECTION, FILTER), { code: 502, message: message.replace('/bo', '') })
    })

  it('are refused in a charset that is unknown, or that they are not in either', async () => {
    for (const [charset, name] of [
      ['klingon', 'KLINGON'],
      ['euc-jp', 'EUC-JP'],
    ])
      await assert.rejects((await answer(200, LATIN1, `application/json;charset=${charset}`)).read(NAME), {
        code: 502,
        message: `${NAME}: the text that the remote answered with is not ${name}`,
      })
  })

  it('are read in the charset that the answer names', async () => {
    const latin1 = await answer(200, LATIN1, 'application/json;charset=ISO-8859-1')
    assert.deepEqual(await latin1.read(NAME), { _id: 'bo', sn: 'René' })
    const utf16 = await answer(
      200,
      Buffer.from('\ufeff{"_id":"bo","sn":"René"}', 'utf16le'),
      'text/json; charset=utf-16le',
    )
    assert.deepEqual(await utf16.read(NAME), { _id: 'bo', sn: 'René' })
  })

  it('in an error, leave its status and none of its words', async () => {
    const body = Buffer.from('{"code":409,"message":"Ren\xe9 exists"}', 'latin1')
    await assert.rejects((await answer(409, body)).read(NAME), {
      code: 409,
      message: `${NAME}: the remote answered 409`,
    })
  })

  it('text beyond ASCII stays as it is', async () => {
    const { connection } = await startRecording({ _id: 'bo', sn: 'Zoë 你好 🙂 \ud800' })
    assert.deepEqual(await connection.read(NAME), { _id: 'bo', sn: 'Zoë 你好 🙂 \ud800' })
  })
})
