import assert from 'node:assert/strict'
import { blocksFor } from '../helpers/markdown.ts'
import { has, runBeside, startDemo } from './shell.ts'

const BLOCKS = blocksFor('demo')
const OUTPUT = blocksFor('output')

/** What else the output of a page shows. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  'README.md': [/"userName":"testUser"/],
  'docs/getting-started.md': [/"userName":"bo"/, /^1 of 1 instances well$/m],
  'docs/console.md': [/"trusted":true/],
  'docs/audit.md': [/"userId":"openidm-admin".*"operation":"ACTION".*"message":"eval"/],
  'docs/instances.md': [/"state":"READY"/, /"_id":"external.idm\/eu"/, /"enabled":false/],
  'docs/monitoring.md': [/\{\}\{\}/],
  'docs/operations.md': [/demo-backup: \d+ files$/m, /demo-restored: \d+ files of /, /^1 of 1 instances well$/m],
  'docs/plans-and-runs.md': [
    /"state":"WAITING"/,
    /"state":"APPROVED"/,
    /"state":"PARTLY"/,
    /"pilot":\{"sample":2,"filter":"\/sn pr"\}/,
    /"linked":3,"matching":3,"differing":0/,
    /"change":"added"/,
    /^ {2}FOUND → UPDATE: .* →$/m,
    /^Approved by openidm-admin at /m,
    /^staff {2}run {2}SUCCESS {2}3 done/m,
    /^staff: the two sides agree\n3 sources, 3 targets, 3 linked, 3 match$/m,
  ],
  'docs/scripts.md': [/^3$/m],
  'docs/security.md': [/not trusted/, /demo-ca/, /"\$crypto"/, /"&\{remote\.platform\.password\}"/],
  'docs/synchronization.md': [
    /platform_users: external\/idm\/platform\/managed\/user → managed\/user$/m,
    /Targets: 0 created, 0 updated, 3 unchanged, 0 deleted/,
    ...['testUser', 'bjensen', 'scarter'].map((name) => new RegExp(`"userName":"${name}"`)),
  ],
}

/** Ids and times, which differ each time. */
const masked = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\d+)?/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z(, [\d.]+ s)?/g, 'TIME')

describe('the commands of the documentation, on a fresh demo for each page', function () {
  this.timeout(120_000)

  before(async function () {
    if (!(await has('curl'))) this.skip()
  })

  for (const page of new Set(BLOCKS.map((block) => block.page)))
    it(`${page} answers as printed`, async () => {
      const commands = BLOCKS.filter((block) => block.page === page).map(({ text }) => text)
      const output = await runBeside(await startDemo(), commands.join('\necho\n'))
      assert.doesNotMatch(output, /"code":[45]\d\d/)
      for (const expected of SHOWN[page] ?? []) assert.match(output, expected)
      for (const { text } of OUTPUT.filter((block) => block.page === page))
        assert.ok(masked(output).includes(masked(text)), `${text}\nis not in\n${output}`)
    })
})
