import assert from 'node:assert/strict'
import { contentTypeOf, isUtf8 } from '../../lib/crest/http/content-type.ts'

describe('contentTypeOf', () => {
  const TABLE: [header: string | undefined, type: string, charset: string | undefined, utf8: boolean][] = [
    [undefined, '', undefined, true],
    ['application/json', 'application/json', undefined, true],
    ['Application/JSON;', 'application/json', undefined, true],
    ['application/json ; charset=UTF-8', 'application/json', 'utf-8', true],
    ['application/json;charset="utf8"', 'application/json', 'utf8', true],
    ['application/json; charset=us-ascii', 'application/json', 'us-ascii', true],
    ['application/json; odata=verbose', 'application/json', undefined, true],
    ['application/json; odata=verbose; Charset = UTF8', 'application/json', 'utf8', true],
    ['application/json; charset=iso-8859-1', 'application/json', 'iso-8859-1', false],
    ['application/json; charset=utf-16', 'application/json', 'utf-16', false],
    ['text/plain; x="application/json"', 'text/plain', undefined, true],
  ]
  for (const [header, type, charset, utf8] of TABLE)
    it(`${header}`, () => {
      const parsed = contentTypeOf(header)
      assert.deepEqual(parsed, { type, charset })
      assert.equal(isUtf8(parsed), utf8)
    })
})
