// Plain JavaScript that any Node can parse: says in one line what is wrong when the Node that runs us is too old.
import { nodeFault } from './node-version.js'

var fault = nodeFault()
if (fault) {
  console.error(fault)
  process.exit(1)
}
