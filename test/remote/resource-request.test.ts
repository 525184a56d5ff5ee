import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { acceptsBasic, COLLECTION, FILTER, startRecording } from './resource-parts.ts'

const ANSWER = { _id: 'bo', _rev: '7', userName: 'bo' }
const EMPTY_PAGE = { result: [] }

describe('a remote as a resource: what goes to it', () => {
  const rows: [call: string, run: (openidm: Connection) => Promise<unknown>, line: string, body?: Json][] = [
    ['create', (openidm) => openidm.create(COLLECTION, null, { a: 1 }), 'POST ?_action=create', { a: 1 }],
    ['create with an id', (openidm) => openidm.create(COLLECTION, 'bo', { a: 1 }), 'PUT /bo none-match=*', { a: 1 }],
    [
      'create with its own id',
      (openidm) => openidm.create(COLLECTION, null, { _id: 'bo' }),
      'PUT /bo none-match=*',
      { _id: 'bo' },
    ],
    [
      'create of a copy',
      (openidm) => openidm.create(COLLECTION, 'bo', { _id: 'ada', _rev: '5', a: 1 }),
      'PUT /bo none-match=*',
      { _id: 'bo', a: 1 },
    ],
    [
      'create with an id of signs',
      (openidm) => openidm.create(COLLECTION, 'a b;é', {}),
      'PUT /a%20b%3B%C3%A9 none-match=*',
      {},
    ],
    ...['a/b', 'CORP\\bo', '100%', 'a\tb'].map((_id): (typeof rows)[number] => [
      `create with the id ${JSON.stringify(_id)}, which a path cannot carry`,
      (openidm) => openidm.create(COLLECTION, _id, { _id: 'other', _rev: '1', a: 1 }),
      'POST ?_action=create',
      { a: 1, _id },
    ]),
    ['read', (openidm) => openidm.read(`${COLLECTION}/a%2Fb`), 'GET /a%2Fb'],
    [
      'read of fields',
      (openidm) => openidm.read(`${COLLECTION}/bo`, null, ['userName', 'a/b']),
      'GET /bo?_fields=/userName,/a/b,/_id,/_rev',
    ],
    ['read of all fields', (openidm) => openidm.read(`${COLLECTION}/bo`, { _fields: '' }), 'GET /bo'],
    [
      'read with a parameter',
      (openidm) => openidm.read(`${COLLECTION}/bo`, { executeOnRetrieve: true }),
      'GET /bo?executeOnRetrieve=true',
    ],
    ['update', (openidm) => openidm.update(`${COLLECTION}/bo`, null, { a: 1 }), 'PUT /bo match=*', { a: 1 }],
    [
      'update with what was read',
      (openidm) => openidm.update(`${COLLECTION}/bo`, '5', { _id: 'bo', _rev: '5', a: 1 }),
      'PUT /bo match="5"',
      { _id: 'bo', _rev: '5', a: 1 },
    ],
    [
      'update with what was read, of no revision but the one in it',
      (openidm) => openidm.update(`${COLLECTION}/bo`, null, { _id: 'bo', _rev: '5' }),
      'PUT /bo match=*',
      { _id: 'bo', _rev: '5' },
    ],
    [
      'update with the object of another id',
      (openidm) => openidm.update(`${COLLECTION}/a%2Fb`, '6', { a: 1, _id: 'bo', b: 2 }),
      'PUT /a%2Fb match="6"',
      { a: 1, _id: 'a/b', b: 2 },
    ],
    [
      'update with an id that is none',
      (openidm) => openidm.update(`${COLLECTION}/bo`, null, { _id: null }),
      'PUT /bo match=*',
      { _id: 'bo' },
    ],
    [
      'update of a configuration object',
      (openidm) => openidm.update('external/idm/eu/config/endpoint/echo', null, { _id: 'endpoint/echo' }),
      'PUT config/endpoint/echo match=*',
      { _id: 'endpoint/echo' },
    ],
    [
      'patch',
      (openidm) => openidm.patch(`${COLLECTION}/bo`, null, [{ operation: 'add', field: 'a/-', value: 'x' }]),
      'PATCH /bo',
      [{ operation: 'add', field: '/a/-', value: 'x' }],
    ],
    [
      'patch of a revision',
      (openidm) => openidm.patch(`${COLLECTION}/bo`, '6', [{ operation: 'move', field: '/a', from: 'b' }]),
      'PATCH /bo match="6"',
      [{ operation: 'move', field: '/a', from: '/b' }],
    ],
    ['delete', (openidm) => openidm.delete(`${COLLECTION}/bo`, null), 'DELETE /bo'],
    ['delete of a revision', (openidm) => openidm.delete(`${COLLECTION}/bo`, '6'), 'DELETE /bo match="6"'],
    [
      'action',
      (openidm) => openidm.action('external/idm/eu/recon', 'recon', {}, { mapping: 'a b' }),
      'POST recon?_action=recon&mapping=a%20b',
      {},
    ],
    ['action without content', (openidm) => openidm.action(COLLECTION, 'x'), 'POST ?_action=x'],
    [
      'action by query',
      (openidm) => openidm.action(COLLECTION, 'patch', [], { _queryId: 'for-userName', uid: 'b&o' }),
      'POST ?_action=patch&_queryId=for-userName&uid=b%26o',
      [],
    ],
  ]
  for (const [call, run, line, body] of rows)
    it(call, async () => {
      const { remote, connection } = await startRecording(ANSWER)
      await run(connection)
      const { method, url, headers, text } = remote.last
      const path = url.replace('/openidm/', '').replace(/^managed\/user/, '')
      const conditions = [
        ['match', headers['if-match']],
        ['none-match', headers['if-none-match']],
      ]
      const said = conditions.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`))
      assert.equal([method, decodeCommas(path), ...said].join(' '), line)
      assert.deepEqual(text === '' ? undefined : JSON.parse(text), body)
      assert.equal(headers['content-type'], body === undefined ? undefined : 'application/json')
      assert.ok(acceptsBasic(headers.authorization))
      assert.equal(headers['x-requested-with'], 'RemoteIDMProxy')
    })

  const queries: [params: Record<string, Json>, query: string][] = [
    [FILTER, '_queryFilter=true'],
    [{ _queryFilter: 'userName eq "a&b=c+d" and !(sn pr)' }, '_queryFilter=(/userName eq "a&b=c+d" and ! (/sn pr))'],
    [{ _queryFilter: "name/givenName sw 'é'" }, '_queryFilter=/name/givenName sw "é"'],
    [{ _queryId: 'for-userName', uid: 'bo' }, '_queryId=for-userName&uid=bo'],
    [{ _queryExpression: 'select 1' }, '_queryExpression=select 1'],
    [{ ...FILTER, _sortKeys: '-age,+name/sn' }, '_queryFilter=true&_sortKeys=-/age,/name/sn'],
    [{ ...FILTER, _pageSize: 2, _pagedResultsOffset: 4 }, '_queryFilter=true&_pageSize=2&_pagedResultsOffset=4'],
    [
      { ...FILTER, _pageSize: 2, _pagedResultsCookie: 'a b+' },
      '_queryFilter=true&_pageSize=2&_pagedResultsCookie=a b+',
    ],
    [
      { ...FILTER, _pageSize: 2, _pagedResultsCookie: 'eyIvX2lk%3D' },
      '_queryFilter=true&_pageSize=2&_pagedResultsCookie=eyIvX2lk=',
    ],
    [
      { ...FILTER, _pageSize: 2, _totalPagedResultsPolicy: 'EXACT' },
      '_queryFilter=true&_pageSize=2&_totalPagedResultsPolicy=EXACT',
    ],
    [{ ...FILTER, _fields: 'a,_id' }, '_queryFilter=true&_fields=/a,/_id,/_rev'],
  ]
  for (const [params, expected] of queries)
    it(`query ${expected}`, async () => {
      const { remote, connection } = await startRecording(EMPTY_PAGE)
      await connection.query(COLLECTION, params)
      const [path, query = ''] = remote.last.url.split('?')
      assert.equal(path, '/openidm/managed/user')
      assert.doesNotMatch(query, /[+]/)
      const pairs = query.split('&').map((pair) => pair.split('=').map(decodeURIComponent).join('='))
      assert.equal(pairs.join('&'), expected)
    })

  it('the version of the API that the caller named, and the transaction it belongs to', async () => {
    const { remote, router } = await startRecording(ANSWER)
    const read = { method: 'read', resourcePath: `${COLLECTION}/bo`, fields: [], additionalParameters: {} } as const
    await router.handle({ ...read, resourceVersion: '2.1' }, { transactionId: 'tx-1' })
    assert.deepEqual(remote.last.raw('accept-api-version'), ['resource=2.1'])
    assert.deepEqual(remote.last.raw('x-forgerock-transactionid'), ['tx-1/0'])
    await router.handle(read, { transactionId: 'tx\r\nx-evil: 1' })
    assert.deepEqual(remote.last.raw('accept-api-version'), ['resource=1.0'])
    assert.deepEqual(remote.last.raw('x-forgerock-transactionid'), [])
  })

  const refused: [what: string, run: (openidm: Connection) => Promise<unknown>, code: number][] = [
    ['an id that leaves the collection', (openidm) => openidm.create(COLLECTION, '..', {}), 400],
    ['an id that leaves it when it is decoded twice', (openidm) => openidm.create(COLLECTION, '%2e%2e', {}), 400],
    ['a path that leaves it', (openidm) => openidm.read(`${COLLECTION}/../internal/user`), 400],
    ['a path that leaves it when it is decoded twice', (openidm) => openidm.read(`${COLLECTION}/%252e%252e/x`), 400],
    ['an empty id', (openidm) => openidm.create(COLLECTION, '', {}), 400],
    ['a revision with a line end', (openidm) => openidm.delete(`${COLLECTION}/bo`, '1"\r\nx-evil: 1'), 400],
    ['an instance that is not there', (openidm) => openidm.query('external/idm/us/managed/user', FILTER), 502],
    ['an instance without a path', (openidm) => openidm.query('external/idm/eu', FILTER), 404],
    ['a change of the list', (openidm) => openidm.create('external/idm', 'us', {}), 501],
    ['an action on the list', (openidm) => openidm.action('external/idm', 'test'), 501],
    ['an action on an instance', (openidm) => openidm.action('external/idm/eu', 'explode'), 400],
  ]
  for (const [what, run, code] of refused)
    it(`nothing for ${what}`, async () => {
      const { remote, connection, log } = await startRecording(ANSWER)
      await assert.rejects(run(connection), { name: 'ResourceException', code })
      assert.equal(remote.requests.length, 0)
      assert.deepEqual(
        log.messages('warn').filter((message) => !message.includes('clear text')),
        [],
      )
    })
})

/** Between the members of a list a comma need not be encoded, nor a slash; that is all the difference there is. */
const decodeCommas = (path: string): string => path.replaceAll('%2C', ',').replace(/(?<=_fields=.*)%2F/g, '/')
