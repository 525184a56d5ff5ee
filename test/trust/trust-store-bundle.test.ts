import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readPem } from '../../lib/trust/certificate-pem.ts'
import { formatOf } from '../../lib/trust/keystore-format.ts'
import { addToBundle, removeFromBundle } from '../../lib/trust/trust-store-bundle.ts'

const certificateOf = async (name: string) =>
  new X509Certificate(await readFile(join(import.meta.dirname, '../fixtures/keystores', name)))

const aliasesIn = (bundle: string) => readPem(bundle, 'bundle').map(({ alias }) => alias)

describe('trust bundle', () => {
  it('adds, and reads back what it wrote', async () => {
    const first = addToBundle('', 'one', await certificateOf('ca.pem'))
    const both = addToBundle(first, 'two', await certificateOf('ca-ec.pem'))
    assert.deepEqual(aliasesIn(both), ['one', 'two'])
    assert(both.startsWith(first.trimEnd()))
    assert.match(both, /# "O=Example, CN=Example EC CA" \(self-signed\), valid 2020-01-01 to 2119-12-08, SHA-256 /)
  })

  it('removes by alias or fingerprint, and leaves a bundle that is known for empty', async () => {
    const ca = await certificateOf('ca.pem')
    const both = addToBundle(addToBundle('', 'one', ca), 'two', await certificateOf('ca-ec.pem'))
    const without = removeFromBundle(both, ca.fingerprint256)
    assert.equal(without.removed, 1)
    assert.deepEqual(aliasesIn(without.text), ['two'])
    assert(!without.text.includes('one'))
    const none = removeFromBundle(without.text, 'two')
    assert.deepEqual(aliasesIn(none.text), [])
    assert.equal(formatOf(Buffer.from(none.text)), 'PEM')
    assert.deepEqual(removeFromBundle(both, 'three'), { text: both, removed: 0 })
  })

  it('keeps what a person wrote by hand', async () => {
    const [ca, ec] = [await certificateOf('ca.pem'), await certificateOf('ca-ec.pem')]
    const byHand = `${ca}subject=/CN=x\n    friendlyName: two words\n${ec}`
    assert.deepEqual(aliasesIn(byHand), [undefined, 'two words'])
    assert.deepEqual(aliasesIn(addToBundle(byHand, 'three', await certificateOf('server.pem'))), [
      undefined,
      'two words',
      'three',
    ])
  })

  it('refuses a bad alias and what is there already', async () => {
    const ca = await certificateOf('ca.pem')
    const bundle = addToBundle('', 'one', ca)
    for (const alias of ['', '-x', 'a b', '../x', 'a\nb', 'x'.repeat(65)])
      assert.throws(() => addToBundle('', alias, ca), /^TypeError: alias: must be/)
    assert.throws(() => addToBundle(bundle, 'two', ca), /trusted already, as "one"/)
    assert.throws(() => addToBundle(bundle, 'one', ca), /"one" is in use/)
  })
})
