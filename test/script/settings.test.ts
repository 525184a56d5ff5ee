import assert from 'node:assert/strict'
import { faultsOf } from '../../lib/core/schema.ts'
import { DEFAULT_LIMITS } from '../../lib/script/limits.ts'
import { defaultPoolSize } from '../../lib/script/main/pool/pool-size.ts'
import { engineSettings, scriptSettingsSchema } from '../../lib/script/main/settings.ts'

const settings = (content: object) => engineSettings(scriptSettingsSchema.parse(content), '/project')
const faults = (content: object): string[] => {
  const { error } = scriptSettingsSchema.safeParse(content)
  return error ? faultsOf(error).map(({ key, message }) => `${key}: ${message}`) : []
}

describe('script.json', () => {
  it('may be empty', () => {
    const { directories, watch, showPlaces, limits, size } = settings({})
    assert.deepEqual([directories, watch, showPlaces], [['/project/script', '/project'], true, false])
    assert.deepEqual([limits, size], [DEFAULT_LIMITS, defaultPoolSize()])
  })

  it("is read as IDM's, whose directories are searched from the last to the first", () => {
    const { directories, watch, showPlaces } = settings({
      properties: { 'javascript.exception.debug.info': 'true' },
      ECMAScript: { 'javascript.recompile.minimumInterval': '60000', 'javascript.optimization.level': 9 },
      Groovy: { '#groovy.warnings': 'x' },
      sources: {
        default: { directory: '/bin/defaults/script' },
        project: { directory: '.' },
        'project-script': { directory: 'script', subdirectories: true },
      },
    })
    assert.deepEqual(directories, ['/project/script', '/project', '/bin/defaults/script'])
    assert.deepEqual([watch, showPlaces], [true, true])
    assert.equal(settings({ ECMAScript: { 'javascript.recompile.minimumInterval': '-1' } }).watch, false)
  })

  it('sets limits', () => {
    const { limits, size } = settings({
      limits: {
        computeTime: '2 seconds',
        totalTime: 5,
        memoryMB: 16,
        transferMB: 1,
        calls: 7,
        nesting: 3,
        computing: 2,
        threads: 9,
      },
    })
    assert.deepEqual(limits, {
      computeMs: 2000,
      wallMs: 5000,
      memoryBytes: 16 * 2 ** 20,
      transferLength: 2 ** 20,
      calls: 7,
    })
    assert.deepEqual([size.depth, size.computing, size.threads], [3, 2, 9])
  })

  it('names its faults', () => {
    assert.match(
      faults({ limits: { computeTime: 'unlimited' } })[0] ?? '',
      /^limits\.computeTime: must be a number of seconds/,
    )
    assert.deepEqual(faults({ limits: { memoryMB: 0 } }), ['limits.memoryMB: must be a whole number from 1 to 512'])
    assert.match(faults({ limits: { memory: 1 } })[0] ?? '', /memory/)
    assert.match(faults({ sources: { a: {} } })[0] ?? '', /^sources\.a\.directory: must be the path of a directory/)
  })
})
