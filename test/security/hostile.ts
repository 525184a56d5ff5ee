import { b1 } from './b1-body-parser.ts'
import { b2 } from './b2-bytes.ts'
import { b3 } from './b3-content-types.ts'
import { b4 } from './b4-framing.ts'
import { b5 } from './b5-limits.ts'
import { h1 } from './h1-expect.ts'
import { h2 } from './h2-late-token.ts'
import { h3 } from './h3-connection.ts'
import { h4 } from './h4-leaks.ts'
import { h5 } from './h5-conditions.ts'
import { h6 } from './h6-location.ts'
import { h7 } from './h7-host.ts'
import { h8 } from './h8-forwarded.ts'
import { h9 } from './h9-tls-name.ts'
import { h10 } from './h10-shipped.ts'
import { h11 } from './h11-open-router.ts'
import { judgedAndSent } from './judged-and-sent.ts'
import { loop } from './loop.ts'
import { p1 } from './p1-dot-segments.ts'
import { p2 } from './p2-honest-paths.ts'
import { p3 } from './p3-two-readers.ts'
import { p4 } from './p4-smuggling.ts'
import { p5 } from './p5-edges.ts'
import { p6 } from './p6-frameworks.ts'
import { p7 } from './p7-malformed.ts'
import { p8 } from './p8-wrong-upstream.ts'
import { useStage } from './stage.ts'
import type { Subject } from './subject.ts'

/** Every attack and accident on headers, paths and bodies, against one application. H10 judges all of it at the end. */
export function describeHostile(subject: Subject): void {
  describe(subject.title, () => {
    const stage = useStage(subject)
    for (const row of [h1, h2, h3, h4, h5, h6, h7, h8, h9, h11, loop, judgedAndSent]) row(stage)
    for (const row of [p1, p2, p3, p4, p5, p6, p7, p8]) row(stage)
    for (const row of [b1, b2, b3, b4, b5]) row(stage)
    h10(stage)
  })
}
