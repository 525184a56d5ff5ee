import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { shownQuery } from '../../lib/sync/context/run-options.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { PlannedMappings } from '../../lib/sync/runs/planned-mappings.ts'

const configured = (more: JsonObject = {}) => {
  const config = { name: 'm', source: 'a', target: 'b', ...more }
  return { config, mapping: mappingSchema.parse(config) }
}

const runOf = ({ mapping }: ReturnType<typeof configured>, id = 'r') => ({
  id,
  number: 1,
  mapping: 'm',
  state: 'SUCCESS',
  isAnalysis: true,
  persists: true,
  content: { parameters: { sourceQuery: shownQuery(mapping, 'source'), targetQuery: shownQuery(mapping, 'target') } },
})

describe('the mapping of a plan', () => {
  it('is the one that was noted, to the letter', () => {
    const planned = new PlannedMappings()
    planned.note('r', configured().config)
    assert.ok(planned.isSame(runOf(configured()), configured()))
    assert.ok(!planned.isSame(runOf(configured()), configured({ displayName: 'x' })))
  })

  it('is told by its resources and queries when the gateway has been started since', () => {
    const planned = new PlannedMappings()
    assert.ok(planned.isSame(runOf(configured()), configured()))
    const others: JsonObject[] = [{ target: 'c' }, { source: 'c' }, { targetQuery: { _queryFilter: 'x pr' } }]
    for (const other of others) assert.ok(!planned.isSame(runOf(configured()), configured(other)))
  })

  it('of the oldest plans is forgotten', () => {
    const planned = new PlannedMappings()
    for (let index = 0; index <= 100; index++) planned.note(`r${index}`, configured({ displayName: 'x' }).config)
    assert.ok(planned.isSame(runOf(configured(), 'r0'), configured()))
    assert.ok(!planned.isSame(runOf(configured(), 'r1'), configured()))
  })
})
