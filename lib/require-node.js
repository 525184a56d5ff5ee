// The first import of what others import: an older Node fails with a reason, and before anything that it lacks.
import { nodeFault } from './node-version.js'

var fault = nodeFault()
if (fault) throw new Error(fault)
