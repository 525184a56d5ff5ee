import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The root directory of this package, three levels above both lib/gateway/project and dist/gateway/project. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url))

/** The folders of the plugins that this package brings. */
export const ownPlugins: readonly string[] = [packageRoot, fileURLToPath(new URL('../../console/', import.meta.url))]

/** The version of this package. */
export function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  return version
}
