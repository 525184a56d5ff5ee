import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempDirWith } from '../helpers/files.ts'
import { serveDirectory } from './parts.ts'

describe('config: names of mappings', () => {
  it('are shown, as tools make ids of them, and written only where somebody wrote them', async () => {
    const dir = await tempDirWith({
      'mapping-a.json': { source: 'x' },
      'mapping-b.json': { name: 'own' },
      'mapping.json': {},
    })
    const { http } = await serveDirectory(dir)
    const { body } = await http.get('/openidm/config?_queryFilter=true').expect(200)
    const [a, b, mapping] = body.result
    assert.deepEqual([mapping, a.name, b.name], [{ _id: 'mapping' }, 'a', 'own'])
    await http
      .put('/openidm/config/mapping/a')
      .send({ ...a, source: 'y' })
      .expect(200)
    assert.deepEqual(JSON.parse(await readFile(join(dir, 'mapping-a.json'), 'utf8')), { source: 'y' })
    await http.put('/openidm/config/mapping/c').send({ name: 'c' }).expect(201)
    assert.deepEqual(JSON.parse(await readFile(join(dir, 'mapping-c.json'), 'utf8')), { name: 'c' })
  })
})
