import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of this package; the same three levels up from lib/gateway/project and from dist/gateway/project. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url))

/** The version of this package. */
export function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  return version
}
