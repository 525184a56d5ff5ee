/** Project directories in the forms that IDM has: see test/fixtures/projects/. */
import { join } from 'node:path'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import type { FakeIdm } from '../helpers/fake-idm/fake-idm.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/projects')

/** The form, and the type of its users. */
export const FORMS = [
  ['stock-6.5', 'user'],
  ['stock-7.0', 'user'],
  ['stock-7.5', 'user'],
  ['cloud', 'alpha_user'],
] as const

/** The directories that make a project of this form; the stock scripts are no part of a copied `conf/`. */
export const directoriesOf = (form: string, withScripts: boolean): string[] =>
  ['everywhere', form, ...(withScripts ? ['stock-scripts'] : [])].map((name) => join(FIXTURES, name))

export const instanceOf = (remote: FakeIdm) => ({
  authType: 'basic',
  // As a variable that was read from a file has it.
  instanceUrl: ` ${remote.url} \n`,
  userName: 'svc',
  password: 'remote-password',
})

/** A gateway on a copy, with the remote `eu`. */
export const startOn = (form: string, withScripts: boolean, remote: FakeIdm): Promise<TestGateway> =>
  startGateway({
    copies: directoriesOf(form, withScripts),
    conf: { 'external.idm-eu.json': instanceOf(remote) },
    plugins: [packageRoot],
    env: {},
  })
