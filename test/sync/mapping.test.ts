import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { faultsOf } from '../../lib/core/schema.ts'
import { mappingNotices, mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { inOrder } from '../../lib/sync/mapping/order.ts'

const LEAST = { name: 'm', source: 'a', target: 'b' }

const faults = (content: JsonObject): string[] => {
  const parsed = mappingSchema.safeParse({ ...LEAST, ...content })
  return parsed.success ? [] : faultsOf(parsed.error).map(({ key, message }) => `${key}: ${message}`)
}

describe('a mapping', () => {
  it('needs name, source and target, and has the defaults of the documentation', () => {
    const mapping = mappingSchema.parse(LEAST)
    assert.deepEqual(mapping.linkQualifiers, ['default'])
    assert.deepEqual(
      [mapping.taskThreads, mapping.enableLinking, mapping.allowEmptySourceSet, mapping.correlateEmptyTargetSet],
      [10, true, false, false],
    )
    assert.equal(mapping.correlationQuery.size, 0)
    assert.deepEqual([mapping.reconAssociation, mapping.keepRuns], [undefined, 10])
    assert.ok(!mappingSchema.safeParse({ name: 'm', source: 'a' }).success)
  })

  it('takes null for what is absent', () => {
    const names = [
      'properties',
      'policies',
      'links',
      'enableLinking',
      'syncAfter',
      'linkQualifiers',
      'correlationQuery',
    ]
    const more = [
      'correlationScript',
      'validSource',
      'sourceCondition',
      'sourceQuery',
      'taskThreads',
      'onCreate',
      'maxDeletes',
    ]
    assert.deepEqual(faults(Object.fromEntries([...names, ...more].map((name) => [name, null]))), [])
  })

  const FAULTS: readonly (readonly [JsonObject, RegExp])[] = [
    [{ source: 'managed//user' }, /^source: must be the path of a resource/],
    [{ properties: [{ target: '' }] }, /^properties.0.target: must be the name of a field/],
    [{ properties: [{ target: 'a/%zz' }] }, /^properties.0.target: must be the name of a field.*illegal character/],
    [
      { properties: [{ target: 'a', condition: '/object/mail is' }] },
      /^properties.0.condition: must be a query filter/,
    ],
    [{ sourceCondition: '/source/status ne "inactive"' }, /^sourceCondition: .*there is no operator 'ne' \(eq, co, /],
    [{ sourceCondition: '!name eq "a"' }, /^sourceCondition: .*a negation is written !\(name …\)/],
    [
      { sourceCondition: '/source/name EndsWith "x"' },
      /^sourceCondition: .*The operator EndsWith is not supported here/,
    ],
    [{ properties: [{ target: 'a', condition: '/object/a ne 1' }] }, /^properties.0.condition: .*no operator 'ne'/],
    [
      { policies: [{ situation: 'FOUND', action: 'LINK', condition: '/object/a ne 1' }] },
      /^policies.0.condition: .*no operator 'ne'/,
    ],
    [{ sourceQuery: { _queryFilter: 'a ne 1' } }, /^sourceQuery: .*there is no operator 'ne'/],
    [{ targetQuery: { _queryFilter: '!a eq 1' } }, /^targetQuery: .*a negation is written/],
    [{ properties: [{ target: 'a', transform: { type: 'text/javascript' } }] }, /transform: must be a script/],
    [{ policies: [{ situation: 'LOST', action: 'UPDATE' }] }, /situation: must be one of SOURCE_IGNORED, /],
    [{ policies: [{ situation: 'FOUND', action: 'MERGE' }] }, /action: must be one of CREATE, /],
    [{ sourceQuery: { _queryFilter: 'a eq' } }, /^sourceQuery: .*_queryFilter/],
    [{ sourceQuery: { _queryFilter: 'true', _queryId: 'x' } }, /^sourceQuery: must be an object with exactly one of/],
    [{ correlationQuery: { expressionTree: { some: ['a'] } } }, /^correlationQuery: expressionTree: must be/],
    [
      { correlationQuery: [{ expressionTree: { any: ['a'] } }, { expressionTree: { any: ['b'] } }] },
      /two entries for the link qualifier/,
    ],
    [
      {
        correlationQuery: { expressionTree: { any: ['a'] } },
        correlationScript: { type: 'text/javascript', source: '[]' },
      },
      /^correlationScript: cannot be combined with correlationQuery/,
    ],
    [{ sourceQuery: { queryFilter: 'a eq 1' } }, /^sourceQuery: must be an object with .*there is only "queryFilter"/],
    [{ targetQuery: { _queryFliter: 'a eq 1' } }, /^targetQuery: .*Unrecognized request parameter '_queryFliter'/],
    [{ onCreate: { type: 'groovy', source: '1' } }, /^onCreate: must be a script: .*Groovy is not supported/],
    [
      { properties: [{ target: 'a', condition: { type: 'groovy', source: '1' } }] },
      /^properties.0.condition: must be a query filter .*Groovy is not supported/,
    ],
    [
      { policies: [{ situation: 'FOUND', action: { type: 'text/javascript' } }] },
      /^policies.0.action: must be one of .*either "source" or "file" must be a string/,
    ],
    [{ correlationQuery: { type: 'groovy', source: '1' } }, /^correlationQuery: .*Groovy is not supported/],
    [{ taskThreads: -1 }, /^taskThreads: must be a whole number from 0 up/],
    [{ maxDeletes: 'many' }, /^maxDeletes: must be a whole number of objects, or a share/],
    [{ linkQualifiers: [] }, /^linkQualifiers: must be an array of names, or a script/],
  ]
  for (const [content, message] of FAULTS)
    it(`is refused with ${JSON.stringify(content)}`, () => {
      assert.ok(
        faults(content).some((fault) => message.test(fault)),
        faults(content).join('; '),
      )
    })

  it('names what nobody knows, and what was probably meant', () => {
    const notice = (key: string, meant: string) => `unknown property "${key}" is ignored; did you mean "${meant}"?`
    const notices = mappingNotices({
      ...LEAST,
      corelationQuery: {},
      onCraete: {},
      whatever: 1,
      _parked: 1,
      comment: 'x',
      properties: [
        { target: 'a', comment: 'x' },
        { target: 'b', sorce: 'b' },
      ],
      policies: [{ situation: 'FOUND', action: 'LINK', postaction: {}, conditon: 'false' }],
      reconAssociation: { maxAnalysisRunPerMapping: 2 },
      queuedSync: { enable: true },
    })
    assert.deepEqual(notices, [
      notice('corelationQuery', 'correlationQuery'),
      notice('onCraete', 'onCreate'),
      'unknown property "whatever" is ignored',
      notice('properties.1.sorce', 'source'),
      notice('policies.0.postaction', 'postAction'),
      notice('policies.0.conditon', 'condition'),
      notice('reconAssociation.maxAnalysisRunPerMapping', 'maxAnalysisRunsPerMapping'),
      notice('queuedSync.enable', 'enabled'),
    ])
  })

  it('says so when nobody will be asked for the consent that it requires', () => {
    assert.deepEqual(mappingNotices({ ...LEAST, consentRequired: false }), [])
    assert.match(mappingNotices({ ...LEAST, consentRequired: true }).join(), /^"consentRequired" has no effect/)
  })

  it('comes after those that it names in syncAfter; a circle does no harm', () => {
    const entry = (name: string, ...syncAfter: string[]) => ({ mapping: { name, syncAfter, properties: [] } })
    const names = (...entries: ReturnType<typeof entry>[]) => inOrder(entries).map(({ mapping }) => mapping.name)
    assert.deepEqual(names(entry('a', 'c'), entry('b'), entry('c', 'b')), ['b', 'c', 'a'])
    assert.deepEqual(names(entry('a', 'b'), entry('b', 'a'), entry('c', 'nobody')), ['b', 'a', 'c'])
  })
})
