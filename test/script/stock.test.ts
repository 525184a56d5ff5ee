import assert from 'node:assert/strict'
import { join } from 'node:path'
import { compileOrLeaveOut, stockIn } from '../../lib/script/main/stock.ts'
import { tempDirWith } from '../helpers/files.ts'
import { startScripting } from './parts.ts'

const js = (source: string) => ({ type: 'text/javascript', source })
const file = (name: string) => ({ type: 'text/javascript', file: name })

describe('the scripts of IDM', () => {
  const known: readonly (readonly [script: { source?: string; file?: string }, names: string[]])[] = [
    [file('router-authz.js'), ['router-authz']],
    [file('script/policyFilter.js'), ['policyFilter']],
    [file('bin/defaults/script/roles/onDelete-roles.js'), ['roles/onDelete-roles']],
    [js("require('router-authz').testAccess()"), ['router-authz']],
    [js('require("policyFilter").runFilter();\n'), ['policyFilter']],
    [js("request.content.password = require('crypto').hash(request.content.password);"), ['crypto']],
    [
      js(
        "require('ui/onCreateUser').setDefaultFields(object);\nrequire('roles/conditionalRoles').updateConditionalGrantsForUser(object, 'roles');",
      ),
      ['ui/onCreateUser', 'roles/conditionalRoles'],
    ],
    [
      js("require('roles/onSync-roles').syncUsersOfRoles(resourceName, oldObject, newObject, ['members']);"),
      ['roles/onSync-roles'],
    ],
    [file('ui/correlateTreeToQueryFilter.js'), []],
    [file('my/router-authz.js'), []],
    [js("require('mine').run()"), []],
    [js("require('ui/onCreateUser').setDefaultFields(object); object.x = 1"), []],
    [js("object.x = 1; require('ui/onCreateUser').setDefaultFields(object)"), []],
    [js("require('ui/onCreateUser').setDefaultFields(object); require('mine').run()"), []],
    [js("require('router-authz').testAccess(evil())"), []],
    [js("if (x) require('router-authz').testAccess()"), []],
    [js(''), []],
  ]
  for (const [script, names] of known)
    it(`${script.file ?? script.source} is ${names.join(', ') || 'none of them'}`, () =>
      assert.deepEqual(
        stockIn(script).map(({ name }) => name),
        names,
      ))

  it('run where they are there and can; else they are left out', async () => {
    const dir = await tempDirWith({
      'script/ui/onUpdateUser.js': 'exports.x = function () {}',
      'script/ui/lastChanged.js': 'exports.x = function () { return new java.util.Date() }',
      'script/roles/effectiveRoles.js': '1',
      'script/router-authz.js': '1',
    })
    const { engine } = startScripting({ directories: [join(dir, 'script'), dir] })
    const isRun = async (script: object) => 'script' in (await compileOrLeaveOut(engine, script as never, 'x'))
    assert.equal(await isRun(js("require('ui/onUpdateUser').x()")), true)
    assert.equal(await isRun(js("require('ui/lastChanged').x()")), false)
    assert.equal(await isRun(js("require('ui/onCreateUser').x()")), false)
    assert.equal(await isRun(file('roles/effectiveRoles.js')), false)
    assert.equal(await isRun(file('router-authz.js')), false)
    await assert.rejects(isRun(file('mine.js')), { code: 400 })
  })

  it('compensate.js is built in, unless there is one: then that counts, and its faults', async () => {
    const own = 'if (!syncResults.success) throw syncResults.syncDetails[0].cause'
    const dir = await tempDirWith({ 'with/compensate.js': own, 'broken/compensate.js': '{', 'without/x.js': '1' })
    const compiled = (where: string, script: object) => {
      const { engine } = startScripting({ directories: [join(dir, where)] })
      return compileOrLeaveOut(engine, script as never, 'x')
    }
    for (const name of ['compensate.js', 'bin/defaults/script/compensate.js', 'script/compensate.js']) {
      const built = await compiled('without', file(name))
      assert.equal('leftOut' in built && built.leftOut.compensates, true, name)
    }
    assert.equal('script' in (await compiled('with', file('compensate.js'))), true)
    await assert.rejects(compiled('broken', file('compensate.js')), { code: 400 })
  })
})
