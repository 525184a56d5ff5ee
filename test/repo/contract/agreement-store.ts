import assert from 'node:assert/strict'
import type { AgreedField, AgreedFields } from '../../../lib/repo/links/agreement-store.ts'
import type { NewLink } from '../../../lib/repo/links/link-store.ts'
import { newRow } from '../../../lib/repo/runs/run-row.ts'
import type { OpenRepository } from '../repositories.ts'

const LINK: NewLink = { type: 'm', qualifier: 'default', first: 'a', second: 'x' }

const same = (digest: string) => ({ last: { wanted: digest, shown: digest } })

const agreement = (fields: AgreedFields, mapping = 'm') => ({ link: LINK, mapping, fields })

export function describeAgreementStore(open: OpenRepository): void {
  describe('what both sides of a link agreed on', () => {
    const opened = async () => {
      const repository = await open()
      const [links, agreements] = [repository.links(), repository.agreements()]
      await links.add([LINK])
      const [link] = await links.byFirst('m', ['a'])
      const id = link?.id ?? ''
      return { repository, links, agreements, id, known: () => agreements.ofLinks([id]) }
    }

    it('is kept for each mapping and field', async () => {
      const { agreements, id, known } = await opened()
      assert.deepEqual(await known(), [])
      const awaited = { wanted: 'c', shown: 'd', evidence: 'wanted' } as const
      const fields = new Map<string, AgreedField>([
        ['/a', same('a')],
        ['/b', { last: { wanted: 'a', shown: 'b' } }],
        ['/c', { ...same('a'), awaited }],
        ['/d', { last: undefined, awaited }],
      ])
      await agreements.put([agreement(fields), agreement(new Map([['/a', same('z')]]), 'n')])
      assert.deepEqual(
        (await known()).sort((one, other) => (one.mapping < other.mapping ? -1 : 1)),
        [
          { link: id, mapping: 'm', fields },
          { link: id, mapping: 'n', fields: new Map([['/a', same('z')]]) },
        ],
      )
      assert.deepEqual(await agreements.ofLinks([]), [])
    })

    it('changes in the fields that are given only', async () => {
      const { agreements, known } = await opened()
      const names = ['/a', '/__proto__', '/c"\\']
      await agreements.put([agreement(new Map(names.map((name) => [name, same('a')])))])
      await agreements.put([
        agreement(
          new Map([
            ['/a', null],
            ['/__proto__', same('b')],
            ['/e', null],
          ]),
        ),
      ])
      assert.deepEqual(
        (await known())[0]?.fields,
        new Map([
          ['/__proto__', same('b')],
          ['/c"\\', same('a')],
        ]),
      )
    })

    it('goes with the link, and is not kept without one', async () => {
      const { agreements, links, id, known } = await opened()
      await agreements.put([agreement(new Map([['/a', same('a')]]))])
      assert.equal((await known()).length, 1)
      await links.remove(id)
      assert.deepEqual(await known(), [])
      await agreements.put([agreement(new Map([['/a', same('a')]]))])
      await links.add([LINK])
      const [link] = await links.byFirst('m', ['a'])
      assert.deepEqual(await agreements.ofLinks([link?.id ?? '']), [])
    })

    it('is stored with the link that a row adds, if the row succeeded', async () => {
      const { repository, links } = await opened()
      const rows = repository.runs().rows(0)
      const row = (first: string, status: 'SUCCESS' | 'FAILURE') => {
        const newLink = { ...LINK, first, second: `${first}x` }
        const agreements = [{ link: newLink, mapping: 'm', fields: new Map([['/a', same('a')]]) }]
        return newRow({ phase: 'source', qualifier: 'default', status, newLink, agreements })
      }
      await rows.finish([row('b', 'SUCCESS'), row('c', 'FAILURE')], true)
      const found = await links.byFirst('m', ['b', 'c'])
      const known = await repository.agreements().ofLinks(found.map(({ id }) => id))
      assert.deepEqual(
        known.map(({ link }) => found.find(({ id }) => id === link)?.first),
        ['b'],
      )
    })
  })
}
