/** Another state of this project to compare with, compiled. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildGateway, ROOT } from './built-gateway.ts'

/**
 * @param base a folder that holds a checkout with its dependencies, or a git revision
 * @param folder a temporary one
 * @returns the folder of the compiled modules
 */
export function buildBase(base: string, folder: string): string {
  const isFolder = existsSync(join(base, 'package.json'))
  return buildGateway(join(folder, 'base'), isFolder ? resolve(base) : extracted(base, join(folder, 'checkout')))
}

/** The files of a revision with its dependencies: those of this checkout when it locks the same. */
function extracted(revision: string, root: string): string {
  mkdirSync(root)
  execFileSync('git', ['archive', '-o', `${root}.tar`, revision], { cwd: ROOT })
  execFileSync('tar', ['-xf', `${root}.tar`], { cwd: root })
  const lock = (of: string) => readFileSync(join(of, 'package-lock.json'), 'utf8')
  if (lock(root) === lock(ROOT)) symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  else execFileSync('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: root, stdio: 'ignore' })
  return root
}
