import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from '../gateway/parts.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'

const FOLDER = join(import.meta.dirname, '../../examples/monitoring')
const DOCS = join(import.meta.dirname, '../../docs/monitoring.md')

const textOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8')

/** The expressions of alert rules. */
function expressionsOfRules(): string[] {
  const { groups } = load(textOf('rules.yml')) as { groups: { rules: { expr: string }[] }[] }
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
}

/** The expressions of panels, and the queries of variables. */
function expressionsOfDashboard(): string[] {
  interface Dashboard {
    panels: { targets?: { expr: string }[] }[]
    templating: { list: { query: string | { query: string } }[] }
  }
  const { panels, templating } = JSON.parse(textOf('dashboard.json')) as Dashboard
  const queries = templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query))
  return [...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...queries]
}

const namesIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:openidm_external_idm|process|nodejs)_[a-z0-9_]+/g)].map(([name]) =>
    name.replace(/_(?:bucket|sum|count)$/, ''),
  )

describe('examples/monitoring and docs/monitoring.md', () => {
  it('use metrics that a gateway has', async () => {
    const { call } = await startGateway({ plugins: [packageRoot] })
    const { types } = new MetricsPage((await call('/metrics/prometheus')).text)
    const used = [...expressionsOfRules(), ...expressionsOfDashboard()].flatMap(namesIn)
    assert.ok(used.length > 40)
    assert.deepEqual(
      [...new Set(used)].filter((name) => !types.has(name)),
      [],
    )
    const page = readFileSync(DOCS, 'utf8')
    const own = [...types.keys()].filter((name) => name.startsWith('openidm_external_idm_'))
    const short = own.map((name) => name.replace('openidm_external_idm_', ''))
    assert.deepEqual(
      short.filter((name) => !page.includes(`\`${name}\``)),
      [],
      'docs/monitoring.md lists all',
    )
  })
})
