/** The package as users run it: compiled, below a node_modules, so that no TypeScript is read at run time. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds the package below `folder`.
 * @returns the folder of the compiled modules
 */
export function buildGateway(folder: string): string {
  const target = join(folder, 'node_modules', 'openidm-external-idm')
  mkdirSync(join(target, 'lib', 'remote'), { recursive: true })
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(target, 'dist')]
  execFileSync(process.execPath, [compiler, ...options], { stdio: 'inherit' })
  for (const file of ['package.json', 'plugin.json', join('lib', 'remote', 'properties', 'external.idm.schema.json')])
    copyFileSync(join(ROOT, file), join(target, file))
  symlinkSync(join(ROOT, 'node_modules'), join(target, 'node_modules'))
  return join(target, 'dist')
}
