/**
 * What fr-config-manager does with an instance: it pulls objects of one type by a query, takes their scripts and texts
 * into files of their own, and pushes the parts put together again.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { until } from '../helpers/until.ts'
import { OBJECTS } from '../tools/objects.ts'
import { bearer, type Pair, PROXY, startPair, tokenOf } from './pair.ts'

/** What is kept in a file of its own, by type. */
const APART: Readonly<Record<string, (object: JsonObject) => JsonObject | undefined>> = {
  endpoint: (object) => object,
  emailTemplate: ({ message }) => message as JsonObject,
  schedule: ({ invokeContext }) => (invokeContext as JsonObject).script as JsonObject | undefined,
}

const SCHEDULE = {
  enabled: false,
  type: 'cron',
  schedule: '0 0 3 * * ?',
  invokeService: 'script',
  invokeContext: { script: { type: 'text/javascript', source: 'openidm.read("info/ping")\n' } },
}

describe('fr-config-manager, as administrators use it', () => {
  ownedBySuite()
  let pair: Pair
  let headers: Record<string, string>

  before(async () => {
    pair = await startPair()
    await pair.instance('b')
    headers = { ...bearer(await tokenOf(pair.tokens, PROXY)).headers, 'content-type': 'application/json' }
  })

  for (const [title, far] of [
    ['against the gateway', false],
    ['through /openidm/external/idm/NAME', true],
  ] as const)
    for (const type of Object.keys(APART))
      it(`pull, delete and push of ${type} give the same files, ${title}`, async () => {
        const owner = far ? pair.b : pair.a
        const base = far ? `${pair.a.url}/external/idm/b` : pair.a.url
        const call = (path: string, method = 'GET', json?: unknown) =>
          request(`${base}${path}`, { method, headers, json })
        const objects = { ...OBJECTS, 'schedule/script': SCHEDULE }
        const ids = Object.keys(objects).filter((id) => id.startsWith(`${type}/`))
        const file = (id: string) => `${id.replace('/', '-')}.json`
        await writeFiles(
          owner.project.conf,
          Object.fromEntries(ids.map((id) => [file(id), objects[id as keyof typeof objects]])),
        )
        await until(async () => (await call(`/config/${ids.at(-1)}`)).status === 200)
        const stored = () =>
          Promise.all(ids.map(async (id) => JSON.parse(await readFile(join(owner.project.conf, file(id)), 'utf8'))))
        const before = await stored()

        const filter = encodeURIComponent(`_id sw '${type}'`)
        const { result } = (await call(`/config?_queryFilter=${filter}`)).json as { result: JsonObject[] }
        assert.deepEqual(result.map(({ _id }) => _id).sort(), [...ids].sort())
        const pulled = result.map((object) => {
          const place = APART[type]?.(object)
          const text = JSON.stringify(place ?? null)
          for (const name of Object.keys(place ?? {})) if (name !== 'type' && place !== object) delete place?.[name]
          return { object, text }
        })
        for (const { object } of pulled) assert.equal((await call(`/config/${object._id}`, 'DELETE')).status, 200)
        for (const { object, text } of pulled) {
          Object.assign(APART[type]?.(object) ?? {}, JSON.parse(text))
          const { status, text: answer } = await call(`/config/${object._id}`, 'PUT', object)
          assert.equal(status, 201, answer)
        }
        assert.deepEqual(await stored(), before)
      })
})
