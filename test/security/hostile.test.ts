import { describeHostile } from './hostile.ts'
import { FRAMEWORKS, fromSource } from './subject.ts'

for (const framework of FRAMEWORKS) describeHostile(fromSource(framework))
