/** The package as users run it: compiled, below a node_modules, so that no TypeScript is read at run time. */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of the checkout that this file belongs to. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds the package of a checkout below `folder`.
 * @returns the folder of the compiled modules
 */
export function buildGateway(folder: string, root = ROOT): string {
  const target = join(folder, 'node_modules', 'openidm-external-idm')
  mkdirSync(target, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(target, 'dist')]
  execFileSync(process.execPath, [compiler, ...options], { stdio: 'inherit' })
  for (const file of ['package.json', 'plugin.json', ...globSync('lib/**/*.schema.json', { cwd: root })])
    cpSync(join(root, file), join(target, file))
  for (const file of globSync('*/plugin.json', { cwd: join(root, 'lib') }))
    cpSync(join(root, 'lib', file), join(target, 'dist', file))
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'))
  return join(target, 'dist')
}
