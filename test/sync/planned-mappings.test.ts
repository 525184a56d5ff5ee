import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { shownQuery } from '../../lib/sync/context/run-options.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { isPlanOf } from '../../lib/sync/runs/recon-service.ts'

const configured = (more: JsonObject = {}) => {
  const config = { name: 'm', source: 'a', target: 'b', ...more }
  return { config, mapping: mappingSchema.parse(config) }
}

const runOf = ({ mapping }: ReturnType<typeof configured>) => ({
  content: { parameters: { sourceQuery: shownQuery(mapping, 'source'), targetQuery: shownQuery(mapping, 'target') } },
})

describe('the mapping of a plan', () => {
  it('is the one that was noted, to the letter', () => {
    const { config } = configured()
    assert.ok(isPlanOf(configured(), runOf(configured()), config))
    assert.ok(!isPlanOf(configured({ displayName: 'x' }), runOf(configured()), config))
  })

  it('is identified by its resources and queries after the gateway has been restarted', () => {
    assert.ok(isPlanOf(configured(), runOf(configured()), undefined))
    const others: JsonObject[] = [{ target: 'c' }, { source: 'c' }, { targetQuery: { _queryFilter: 'x pr' } }]
    for (const other of others) assert.ok(!isPlanOf(configured(other), runOf(configured()), undefined))
  })
})
