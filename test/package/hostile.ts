import { describeHostile } from '../security/hostile.ts'
import { FRAMEWORKS } from '../security/subject.ts'
import { fromPackage, INSTALL_TIMEOUT, installPackage, NODE_VERSIONS } from './packed.ts'

describe('the packed tarball', () => {
  before('is packed and installed', async function () {
    this.timeout(INSTALL_TIMEOUT)
    await installPackage()
  })

  for (const version of NODE_VERSIONS)
    for (const framework of FRAMEWORKS) describeHostile(fromPackage(framework, version))
})
