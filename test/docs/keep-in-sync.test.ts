import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { type Block, blocksFor, blocksOf } from '../helpers/markdown.ts'
import { until } from '../helpers/until.ts'
import { startSyncGateway } from '../sync/gateways.ts'
import { type Demo, has, runBeside, startDemo } from './shell.ts'

const PAGE = 'docs/keep-in-sync.md'

/** The blocks of a page in their order, each with the output that the page shows below it. */
function steps(): (Block & { readonly shown: string | undefined })[] {
  const all = [...blocksFor('live'), ...blocksFor('look'), ...blocksFor('seen')].sort(
    (one, other) => one.line - other.line,
  )
  assert.ok(all.every(({ page }) => page === PAGE))
  return all.flatMap((block, index) => {
    const next = all[index + 1]
    return block.claim === 'seen' ? [] : [{ ...block, shown: next?.claim === 'seen' ? next.text : undefined }]
  })
}

/** What differs each time: what the page leaves out (`…`), times, ages and pauses. Columns may be wider or narrower. */
function patternOf(text: string): RegExp {
  const source = text
    .trim()
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('…', '[^\\n]*')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+\\\.\d+Z/g, '[-\\d:.TZ]+')
    .replaceAll(/\d+ s$/gm, '\\d+ s')
    .replaceAll(/ {2,}(?=\S)/g, ' {2,}')
    .replaceAll(/ *\n/g, ' *\\n')
  return new RegExp(source)
}

describe(`${PAGE}, on a fresh demo`, function () {
  this.timeout(120_000)

  before(async function () {
    if (!(await has('curl'))) this.skip()
  })

  it('answers as printed', async () => {
    const demo: Demo = await startDemo()
    const run = (text: string) => runBeside(demo, text, { mayFail: true })
    for (const { claim, text, shown } of steps()) {
      if (shown === undefined) assert.doesNotMatch(await run(text), /"code":[45]\d\d/, text)
      else if (claim === 'live') assert.match(await run(text), patternOf(shown), text)
      else {
        const outputs: string[] = []
        const isShown = async () => outputs.push(await run(text)) && patternOf(shown).test(outputs.at(-1) ?? '')
        await until(isShown, `${text} prints\n${shown}`, { timeoutMs: 20_000 }).catch((error) => {
          throw new Error(`${error.message}\n${outputs.at(-1)}`)
        })
      }
    }
  })
})

describe(`the files of ${PAGE}`, function () {
  this.timeout(60_000)

  const USERS = 'managed/user'
  const fileOf = (title: string, kind: string): JsonObject =>
    JSON.parse(blocksOf(PAGE).find(({ heading, claim }) => heading === title && claim === kind)?.text ?? '')
  const ada = { userName: 'ada', mail: 'ada@example.com' }

  it('carry over what passes through the gateway', async () => {
    const [eu, us] = [await fakeIdm(), await fakeIdm()]
    for (const remote of [eu, us]) remote.seed(USERS, [])
    const { mappings } = fileOf('Changes that pass through the gateway', 'sync')
    const { call } = await startSyncGateway({ eu, us }, mappings as JsonObject[])
    const { status, text } = await call(`/external/idm/eu/${USERS}/ada`, { method: 'PUT', json: ada })
    assert.equal(status, 201, text)
    const [found] = await until(() => us.objects(USERS).length > 0 && us.objects(USERS), 'the target has it')
    assert.deepEqual([found?.userName, found?.mail], [ada.userName, ada.mail])
  })

  it('carry changes over in both directions', async () => {
    const eu = await fakeIdm()
    eu.seed(USERS, [])
    const { mappings } = fileOf('Two instances that follow each other', 'sync')
    const { call } = await startSyncGateway({ eu }, mappings as JsonObject[])
    const local = { ...ada, givenName: 'Ada', sn: 'Lovelace' }
    assert.equal((await call(`/${USERS}/ada`, { method: 'PUT', json: local })).status, 201)
    const [{ _id, mail } = {}] = eu.objects(USERS)
    assert.equal(mail, ada.mail)
    const json = [{ operation: 'replace', field: '/mail', value: 'ada@example.net' }]
    assert.equal((await call(`/external/idm/eu/${USERS}/${String(_id)}`, { method: 'PATCH', json })).status, 200)
    const mailHere = async () => ((await call(`/${USERS}/ada`)).json as JsonObject).mail
    await until(async () => (await mailHere()) === 'ada@example.net', 'the change at the remote is here')
  })

  it('take a change back that the target refuses', async () => {
    const eu = await fakeIdm()
    eu.seed(USERS, [])
    const properties = [{ source: 'userName', target: 'userName' }]
    const mapping = { name: 'toEu', source: USERS, target: `external/idm/eu/${USERS}`, properties }
    const conf = { 'managed.json': fileOf('When a target fails', 'managed') }
    const { call } = await startSyncGateway({ eu }, [mapping], conf)
    const put = (id: string) => call(`/${USERS}/${id}`, { method: 'PUT', json: { userName: id } })
    assert.equal((await put('ada')).status, 201)
    eu.intercept(
      ({ isWrite }) => isWrite,
      () => ({ status: 503, headers: {} }),
    )
    assert.equal((await put('bo')).status, 409)
    assert.equal((await call(`/${USERS}/bo`)).status, 404)
  })
})
