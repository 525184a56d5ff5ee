import { describeHostile } from '../security/hostile.ts'
import { FRAMEWORKS } from '../security/subject.ts'
import { fromPackage, INSTALL_TIMEOUT, installPackage } from './packed.ts'

describe('the packed tarball', () => {
  before('is packed and installed', async function () {
    this.timeout(INSTALL_TIMEOUT)
    await installPackage()
  })

  // The oldest, and one on the newest; test/security/hostile.test.ts runs the sources on the one between.
  for (const framework of FRAMEWORKS) describeHostile(fromPackage(framework, '22'))
  for (const framework of FRAMEWORKS.slice(0, 1)) describeHostile(fromPackage(framework, '26'))
})
