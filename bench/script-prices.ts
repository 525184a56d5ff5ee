/**
 * What a script of a mapping costs for each object, and whether its runs share a context. Each script runs for 2,000
 * objects at a time; of several rounds the fastest counts, since other work on the machine only adds.
 */
import type { JsonObject } from '../lib/contract.ts'
import { silentLog } from '../lib/core/log.ts'
import { MemoryCollection } from '../lib/crest/protocol/collection.ts'
import { connect } from '../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../lib/crest/protocol/router.ts'
import { ScriptEngine } from '../lib/script/main/engine.ts'
import { mayShareContext } from '../lib/script/worker/sharing.ts'

const OBJECTS = 2000
const ROUNDS = 15

const SCRIPTS: readonly string[] = [
  'source.toLowerCase()',
  'source.givenName + " " + source.sn',
  'source.roles.map(function (role) { return role.name }).sort().join()',
  '(function () { var out = {}; source.roles.forEach(function (r) { out[r._id] = r.name }); return out }())',
  "({ _queryFilter: 'userName eq \"' + source.userName + '\"' })",
  'openidm.read("managed/user/" + source.manager)',
  'var name = source.givenName; if (source.sn) name += " " + source.sn; name',
  'target.mail = source.mail; target.cn = source.givenName + " " + source.sn',
  'source.roles.sort().join()',
  'isAdmin = source.roles.length > 1',
  'require("lib/lodash").capitalize(source.userName)',
]

export async function scriptPrices(): Promise<void> {
  const router = new ResourceRouter()
  router.add('managed/user', new MemoryCollection())
  const engine = new ScriptEngine({ connect: (context) => connect(router, context), log: silentLog })
  try {
    console.log(`| Script | Context | µs for each object |\n|---|---|---|`)
    for (const source of SCRIPTS) {
      const price = await priceOf(engine, source)
      console.log(`| \`${source}\` | ${mayShareContext(source) ? 'shared' : 'fresh'} | ${price.toFixed(0)} |`)
    }
  } finally {
    await engine.close()
  }
}

async function priceOf(engine: ScriptEngine, source: string): Promise<number> {
  const script = await engine.compile({ type: 'text/javascript', source })
  const variables = Array.from({ length: OBJECTS }, (_, index) => variablesOf(source, index))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now()
    const outcomes = await engine.runMany(script, variables)
    rounds.push(performance.now() - started)
    for (const outcome of outcomes) if ('error' in outcome) throw outcome.error
  }
  return (Math.min(...rounds) * 1000) / OBJECTS
}

function variablesOf(source: string, index: number): JsonObject {
  const user: JsonObject = {
    _id: `u${index}`,
    userName: `user.${index}`,
    givenName: 'Amira',
    sn: `Jensen ${index}`,
    mail: `user.${index}@example.com`,
    manager: `m${index % 10}`,
    telephoneNumber: '+49 30 1234567',
    roles: ['b', 'a'].map((name) => ({ _id: `${name}${index}`, name })),
  }
  return { source: source.startsWith('source.to') ? String(user.userName) : user, target: {}, linkQualifier: 'default' }
}
