import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { ADDRESS_FIELDS, instanceJsonSchema, SECRET_FIELDS } from '../../lib/remote/properties/properties.ts'

const read = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8'))

describe('what is made of the properties', () => {
  it('external.idm.schema.json is up to date', async () => {
    const written = await read('lib/remote/properties/external.idm.schema.json')
    assert.deepEqual(written, JSON.parse(JSON.stringify(instanceJsonSchema())))
  })

  it('plugin.json names the schema, and the same secret fields', async () => {
    const { contributes } = (await read('plugin.json')) as { contributes: { configuration: Record<string, unknown>[] } }
    const [configuration] = contributes.configuration
    assert.equal(configuration?.factoryPid, 'external.idm')
    assert.equal(configuration.schema, 'lib/remote/properties/external.idm.schema.json')
    assert.deepEqual(configuration.secretFields, SECRET_FIELDS)
    assert.deepEqual(configuration.addressFields, ADDRESS_FIELDS)
  })
})
