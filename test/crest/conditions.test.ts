import assert from 'node:assert/strict'
import { conditionsOf, intentOfPut, requiredRevision } from '../../lib/crest/protocol/conditions.ts'

describe('preconditions', () => {
  const revisions: [header: string, revision: string | null][] = [
    ['"000000007ab1"', '000000007ab1'],
    ['000000007ab1', '000000007ab1'],
    [' W/"7" ', '7'],
    ['""', ''],
    ['"a"b"', 'a"b'],
    ['*', null],
  ]
  for (const [header, revision] of revisions)
    it(`If-Match: ${header}`, () => assert.equal(requiredRevision(conditionsOf({ 'if-match': header })), revision))

  const intents: [headers: Record<string, string>, intent: string | number][] = [
    [{}, 'upsert'],
    [{ 'if-match': '*' }, 'update'],
    [{ 'if-match': '"7"' }, 'update'],
    [{ 'if-none-match': '*' }, 'create'],
    [{ 'if-none-match': '"7"' }, 400],
    [{ 'if-none-match': '7' }, 400],
    [{ 'if-none-match': '' }, 400],
    [{ 'if-match': '7', 'if-none-match': '*' }, 412],
  ]
  for (const [headers, intent] of intents)
    it(`PUT with ${JSON.stringify(headers)}: ${intent}`, () => {
      const decide = () => intentOfPut(conditionsOf(headers))
      if (typeof intent === 'number') assert.throws(decide, { code: intent })
      else assert.equal(decide(), intent)
    })
})
