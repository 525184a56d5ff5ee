import assert from 'node:assert/strict'
import { type AcceptedVersions, parseAcceptApiVersion, supportsVersion } from '../../lib/crest/protocol/api-version.ts'

describe('Accept-API-Version', () => {
  const read: [header: string | undefined, versions: AcceptedVersions][] = [
    [undefined, {}],
    ['', {}],
    ['resource=1.0', { resource: '1.0' }],
    ['protocol=1.0,resource=2', { protocol: '1.0', resource: '2' }],
    [' Resource = 2.0 , PROTOCOL=2.1 ', { resource: '2.0', protocol: '2.1' }],
  ]
  for (const [header, versions] of read)
    it(`reads '${header}'`, () => assert.deepEqual(parseAcceptApiVersion(header), versions))

  const refused: [header: string, code: number][] = [
    ['resource', 400],
    ['resource=x', 400],
    ['resource=1.0.0', 400],
    ['version=1.0', 400],
    ['__proto__=1.0', 400],
    ['resource=999999999', 400],
    ['protocol=3.0', 406],
    ['protocol=2.9', 406],
    ['protocol=0.1', 406],
  ]
  for (const [header, code] of refused)
    it(`refuses '${header}'`, () => assert.throws(() => parseAcceptApiVersion(header), { code }))

  const supported: [versions: readonly string[] | undefined, wanted: string | undefined, answer: boolean][] = [
    [undefined, '9.0', true],
    [['1.0'], undefined, true],
    [['1.0'], '1.0', true],
    [['1.0'], '1', true],
    [['1.2'], '1.1', true],
    [['1.0'], '1.1', false],
    [['1.0', '2.0'], '2.0', true],
    [['1.0'], '2.0', false],
    [[], '1.0', false],
  ]
  for (const [versions, wanted, answer] of supported)
    it(`${wanted} of ${versions}: ${answer}`, () =>
      assert.equal(supportsVersion(versions ? { versions } : {}, wanted), answer))
})
