import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { type Credentials, credentialsOf } from '../../../lib/gateway/access/credentials.ts'

const basic = (text: string | Buffer): string => `Basic ${Buffer.from(text).toString('base64')}`
const password = (username: string, password: string): Credentials => ({ kind: 'password', username, password })
/** As Node hands raw bytes over. */
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

const UNDERSTOOD: readonly (readonly [string, IncomingHttpHeaders, Credentials])[] = [
  ['nothing', {}, { kind: 'none' }],
  ['credentials headers', { 'x-openidm-username': 'a', 'x-openidm-password': 'b' }, password('a', 'b')],
  ['a user name alone', { 'x-openidm-username': 'a' }, password('a', '')],
  ['a password alone', { 'x-openidm-password': 'b', authorization: basic('c:d') }, password('', 'b')],
  [
    'headers before Basic',
    { 'x-openidm-username': 'a', 'x-openidm-password': 'b', authorization: basic('c:d') },
    password('a', 'b'),
  ],
  [
    'headers before Bearer',
    { 'x-openidm-username': 'a', 'x-openidm-password': 'b', authorization: 'Bearer x' },
    password('a', 'b'),
  ],
  [
    'RFC 5987',
    { 'x-openidm-username': "UTF-8''m%C3%BCller", 'x-openidm-password': "utf-8'de'%E2%82%AC%20rates" },
    password('müller', '€ rates'),
  ],
  ['RFC 5987 in Latin-1', { 'x-openidm-username': "ISO-8859-1''m%FCller" }, password('müller', '')],
  ['what only looks like RFC 5987', { 'x-openidm-username': "UTF-8''100%" }, password("UTF-8''100%", '')],
  ['raw UTF-8', { 'x-openidm-username': latin1('müller'), 'x-openidm-password': latin1('€') }, password('müller', '€')],
  ['raw Latin-1', { 'x-openidm-username': 'm\u00fcller' }, password('müller', '')],
  ['Basic', { authorization: basic('a:b:c') }, password('a', 'b:c')],
  [
    'Basic in UTF-8, scheme in lower case',
    { authorization: basic('jürgen:pässwort').replace('Basic', 'basic ') },
    password('jürgen', 'pässwort'),
  ],
  ['Basic in Latin-1', { authorization: basic(Buffer.from('jürgen:x', 'latin1')) }, password('jürgen', 'x')],
  ['Basic with empty parts', { authorization: basic(':') }, password('', '')],
  ['Bearer', { authorization: 'bearer abc.def' }, { kind: 'bearer', token: 'abc.def' }],
]

describe('credentials of a request', () => {
  for (const [name, headers, expected] of UNDERSTOOD) {
    it(name, () => assert.deepEqual(credentialsOf(headers), expected))
  }

  for (const authorization of [
    '',
    'Basic',
    'Basic !!',
    basic('no colon'),
    'Bearer',
    'Bearer  ',
    'Digest username="a"',
  ]) {
    it(`refuses ${JSON.stringify(authorization)}`, () => {
      assert.throws(() => credentialsOf({ authorization }), { code: 401 })
    })
  }
})
