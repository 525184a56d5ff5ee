import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { until } from '../helpers/until.ts'
import { isFree, Newcomer } from './newcomer.ts'

/** What the README's demo listens on. */
const PORTS = [8080, 8082, 8083, 8443]
/** Where a newcomer begins; the other pages run in test/docs. */
const PAGES = ['README.md', 'docs/getting-started.md']
/** An error of the gateway, of our command, of npm, of the shell, of curl. */
const WENT_WRONG = /"code":\s*[45]\d\d|^openidm-external-idm: |^npm error|^bash: |^curl: /m
const SECURE = 'https://localhost:8443/openidm'
const ADMIN = '-sS -u openidm-admin:openidm-admin'

describe('first contact: a fresh clone, an empty npm cache, the first pages as they stand', function () {
  ownedBySuite()
  this.timeout(300_000)
  let newcomer: Newcomer

  const conf = (name: string) => join(newcomer.dir, 'demo', 'conf', `external.idm-${name}.json`)
  const shell = async (lines: string) => newcomer.type(`export CURL_CA_BUNDLE=$PWD/demo/security/demo-ca.pem\n${lines}`)
  const json = async (lines: string) => {
    const { code, output } = await shell(lines)
    assert.equal(code, 0, output)
    return JSON.parse(output)
  }

  /** Its password was written over REST: it is encrypted, and opens in its own file only. */
  const copyOfPlatform = async () => ({
    ...JSON.parse((await shell('cat demo/conf/external.idm-platform.json')).output),
    password: 'openidm-admin',
  })

  before(async function () {
    const free = await Promise.all(PORTS.map(isFree))
    if (free.includes(false)) {
      console.log(`      not run: the README's ports ${PORTS.join(', ')} are not all free here`)
      this.skip()
    }
    newcomer = await Newcomer.arrive()
    const [start, ...again] = blocksFor('start', newcomer.dir)
    for (const { text } of again) assert.equal(text, start?.text)
    const printed = await newcomer.serve(start?.text ?? '', /Ctrl-C ends the demo/)
    assert.match(printed, /export CURL_CA_BUNDLE=/)
  })

  for (const page of PAGES)
    it(`every command of ${page} works as printed`, async () => {
      const commands = blocksFor('demo', newcomer.dir).filter((block) => block.page === page)
      const { code, output } = await newcomer.type(commands.map(({ text }) => text).join('\n'))
      assert.equal(code, 0, output)
      assert.doesNotMatch(output, WENT_WRONG)
    })

  it('a gateway of its own starts as printed', async () => {
    const [block] = blocksFor('serve', newcomer.dir)
    await newcomer.serve(block?.text ?? '', /^Listening on /m)
  })

  it("the seed page's request answers as printed there", async () => {
    const answer = await json(`curl -sS \\
--header "X-OpenIDM-Username: openidm-admin" \\
--header "X-OpenIDM-Password: openidm-admin" \\
--insecure \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
'${SECURE}/external/idm/platform/managed/user?_queryFilter=true'`)
    const { result, ...rest } = answer
    const user = result.find(({ userName }: { userName: string }) => userName === 'testUser')
    assert.deepEqual(
      { givenName: user.givenName, sn: user.sn, mail: user.mail, accountStatus: user.accountStatus },
      { givenName: 'Test', sn: 'User', mail: 'testUser@test.com', accountStatus: 'active' },
    )
    assert.deepEqual(rest, {
      resultCount: result.length,
      pagedResultsCookie: null,
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    })
  })

  it('create, read, update, patch, query in pages, action and delete go through', async () => {
    const users = `${SECURE}/external/idm/platform/managed/user`
    const body = `-H 'Content-Type: application/json'`
    const made = await json(
      `curl ${ADMIN} ${body} -X POST --data '{"userName":"ada","givenName":"Ada","sn":"L","mail":"ada@example.net"}' '${users}?_action=create'`,
    )
    assert.equal((await json(`curl ${ADMIN} '${users}/${made._id}'`)).userName, 'ada')
    const patched = await json(
      `curl ${ADMIN} ${body} -X PATCH --data '[{"operation":"replace","field":"/sn","value":"Lovelace"}]' '${users}/${made._id}'`,
    )
    assert.equal(patched.sn, 'Lovelace')
    const put = await json(
      `curl ${ADMIN} ${body} -H 'If-Match: ${patched._rev}' -X PUT --data '{"userName":"ada","givenName":"Ada","sn":"King","mail":"ada@example.net"}' '${users}/${made._id}'`,
    )
    assert.equal(put.sn, 'King')
    const page = await json(`curl ${ADMIN} '${users}?_queryFilter=true&_pageSize=1&_sortKeys=userName'`)
    assert.equal(page.resultCount, 1)
    assert.equal(typeof page.pagedResultsCookie, 'string')
    await json(`curl ${ADMIN} -X DELETE '${users}/${made._id}'`)
    assert.equal((await json(`curl ${ADMIN} '${users}/${made._id}'`)).code, 404)
  })

  it('an instance that is dropped in answers at once, follows its file, and goes with it', async () => {
    const platform = await copyOfPlatform()
    const status = async () =>
      Number(
        (
          await shell(
            `curl ${ADMIN} -o /dev/null -w '%{http_code}' '${SECURE}/external/idm/other/managed/user?_queryFilter=true'`,
          )
        ).output,
      )
    assert.equal(await status(), 404)
    await writeFile(conf('other'), JSON.stringify(platform))
    await until(async () => (await status()) === 200)
    await writeFile(conf('other'), JSON.stringify({ ...platform, enabled: false }))
    await until(async () => (await status()) === 404)
    await writeFile(conf('other'), JSON.stringify(platform))
    await until(async () => (await status()) === 200)
    await rm(conf('other'))
    await until(async () => (await status()) === 404)
  })

  describe('the three failures that a newcomer meets first', () => {
    let platform: Record<string, unknown>

    before(async () => {
      platform = await copyOfPlatform()
    })
    afterEach(async () => {
      for (const name of ['wrong', 'typo', 'stranger']) await rm(conf(name), { force: true })
    })

    const ask = (name: string) => json(`curl ${ADMIN} '${SECURE}/external/idm/${name}/managed/user?_queryFilter=true'`)
    const check = async () => (await newcomer.type('npm run --silent cli -- check --conf demo/conf')).output

    it('a wrong password', async () => {
      await writeFile(conf('wrong'), JSON.stringify({ ...platform, password: 'not-the-password' }))
      await until(async () => (await ask('wrong')).code === 401)
      assert.deepEqual(await ask('wrong'), {
        code: 401,
        reason: 'Unauthorized',
        message:
          'Remote instance "wrong": it refused the credentials of its configuration; check userName and password',
      })
      assert.match(
        await check(),
        /^wrong +query +FAILED +a query on managed\/user was answered with 401\n +do: check userName and password$/m,
      )
    })

    it('a typo in the file', async () => {
      const { authType, ...rest } = platform
      await writeFile(conf('typo'), JSON.stringify({ ...rest, authTpye: authType }))
      await until(async () => /not valid/.test((await ask('typo')).message))
      assert.deepEqual(await ask('typo'), {
        code: 404,
        reason: 'Not Found',
        message:
          'Remote instance "typo" not found: its configuration is not valid, see the log or the list of instances',
      })
      const fault =
        'external.idm-typo.json: authType: must be "basic" or "bearer" (it is missing; the file has "authTpye")'
      const list = await json(`curl ${ADMIN} '${SECURE}/external/idm?_queryFilter=_id+eq+"typo"'`)
      assert.equal(list.result[0].lastError.message, fault)
      assert.ok((await check()).includes(fault))
    })

    it('an untrusted certificate', async () => {
      await writeFile(join(newcomer.dir, 'demo', 'security', 'truststore.pem'), '')
      await until(async () => (await ask('platform')).code === 502)
      assert.deepEqual(await ask('platform'), {
        code: 502,
        reason: 'Bad Gateway',
        message:
          'Remote instance "platform": its certificate is not trusted; import its certificate, or that of its authority, into security/truststore',
      })
      await shell('cp demo/security/demo-ca.pem demo/security/truststore.pem')
      await until(async () => (await ask('platform')).resultCount > 0)
    })
  })
})
