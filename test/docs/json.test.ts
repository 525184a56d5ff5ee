import { blocksFor } from '../helpers/markdown.ts'
import { KINDS } from './kinds.ts'

describe('the JSON of the documentation is accepted where it belongs', () => {
  for (const [kind, judge] of Object.entries(KINDS))
    for (const { page, heading, text } of blocksFor(kind))
      it(`${kind} in ${page}, "${heading}"`, () => judge(JSON.parse(text)))
})
