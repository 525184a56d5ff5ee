import { access } from './access.ts'
import { configuration, expressions, files, keyStores } from './configuration.ts'
import { patches } from './patch.ts'
import { cookies, filters, headers, parameters, paths } from './readers.ts'
import type { Target } from './target.ts'

/** Everything that meets text from outside. */
export const TARGETS: readonly Target[] = [
  access,
  headers,
  paths,
  parameters,
  cookies,
  filters,
  patches,
  configuration,
  files,
  expressions,
  keyStores,
]
