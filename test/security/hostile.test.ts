import { describeHostile } from './hostile.ts'
import { fromSource } from './subject.ts'

/** The other frameworks, and Node 22, follow with the packed tarball: test/package. */
describeHostile(fromSource('express5'))
