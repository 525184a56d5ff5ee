import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { OBJECTS } from '../tools/objects.ts'
import { startGateway, type TestGateway } from './parts.ts'

/** Objects that are in force or refused, and nothing in between. */
const IDS = Object.keys(OBJECTS).filter((id) => id !== 'access')

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const PIECES: readonly Json[] = [
  null,
  '',
  0,
  -1,
  true,
  [],
  {},
  'x',
  '(',
  '&{nowhere}',
  '&{a|b}',
  '********',
  js('('),
  js('1'),
  { type: 'groovy', source: '' },
  { type: 'text/javascript', file: 'gone.js' },
  { $crypto: { type: 'x-simple-encryption', value: {} } },
  { $int: 'x' },
]

/** Every place in an object. */
function* placesIn(value: Json, place: string[] = []): Generator<string[]> {
  yield place
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) yield* placesIn(member, [...place, name])
}

/** A copy with another value at a place; `undefined` takes it out. */
function changed(value: Json, [name, ...rest]: readonly string[], piece: Json | undefined): Json {
  if (name === undefined || typeof value !== 'object' || value === null) return piece ?? {}
  const copy: JsonObject | Json[] = Array.isArray(value) ? [...value] : { ...value }
  const members = copy as JsonObject
  if (rest.length > 0) members[name] = changed(members[name] ?? null, rest, piece)
  else if (piece === undefined) delete members[name]
  else members[name] = piece
  return Array.isArray(copy) ? copy.filter((item) => item !== undefined) : copy
}

const change = fc.constantFrom(...IDS).chain((id) => {
  const places = [...placesIn(OBJECTS[id] ?? {})].filter(({ length }) => length > 0)
  const edit = fc.tuple(fc.constantFrom(...places), fc.option(fc.constantFrom(...PIECES), { nil: undefined }))
  return fc.array(edit, { maxLength: 2 }).map((edits) => ({
    id,
    content: edits.reduce<Json>(
      (content, [place, piece]) => changed(content, place, piece),
      OBJECTS[id] ?? {},
    ) as JsonObject,
  }))
})

describe('a PUT of any configuration object, good or broken', () => {
  ownedBySuite()
  let gateway: TestGateway

  before(async () => {
    gateway = await startGateway({ plugins: [packageRoot] })
  })

  const call = async (path: string, method = 'GET', json?: Json) =>
    gateway.call(path, { method, ...(json !== undefined && { json }) })
  const raw = (id: string) =>
    readFile(join(gateway.project.conf, `${id.replace('/', '-')}.json`), 'utf8').catch(() => 'no such file')

  /** What shows that an object of a kind is in force, apart from what it says of itself. */
  const IN_FORCE: Readonly<Record<string, (content: JsonObject) => Promise<void>>> = {
    'endpoint/echo': async ({ context }) => {
      const path = typeof context === 'string' ? context.replace(/\/?\*$/, '') : 'endpoint/echo'
      const { text } = await call(`/${path}`)
      assert.doesNotMatch(text, /The endpoint cannot be run/)
    },
    'external.idm/kept': async () => {
      const { json } = await call('/external/idm?_queryFilter=_id+eq+"kept"')
      const [status] = (json as { result: JsonObject[] }).result
      assert.ok(status?.state === 'UNTRIED' || status?.state === 'DISABLED', JSON.stringify(status))
    },
    managed: async ({ objects }) => {
      for (const { name } of objects as JsonObject[]) {
        const resolved = name === '&{a|b}' ? 'b' : name
        assert.equal((await call(`/managed/${resolved}?_queryFilter=true`)).status, 200, String(name))
      }
    },
    'mapping/single': async () => {
      assert.equal((await call('/sync/mappings/single')).status, 200)
    },
  }

  it('answers either that it is in force, or why it is not', async () => {
    await fc.assert(
      fc.asyncProperty(change, async ({ id, content }) => {
        const before = await raw(id)
        const logged = gateway.log.lines.length
        const { status, text } = await call(`/config/${id}`, 'PUT', content)
        if (status === 200 || status === 201) {
          const complaints = gateway.log.entries
            .slice(logged)
            .filter(({ level, msg }) => level === 'error' && !/access$/.test(String(msg)))
          assert.deepEqual(complaints, [], `${id}: ${JSON.stringify(content)}`)
          await IN_FORCE[id]?.(content)
          return
        }
        assert.ok(status >= 400 && status < 500, `${id}: ${status} ${text}`)
        assert.equal(await raw(id), before, 'a refused object stays as it was')
        assert.ok(!text.includes('a password'), text)
      }),
      { numRuns: Number(process.env.FC_RUNS ?? 150) },
    )
  })
})
