/** Another state of this project to compare with, compiled. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildGateway, ROOT } from './built-gateway.ts'

export interface Checkout {
  /** The folder of its compiled modules. */
  readonly dist: string
  remove(): void
}

/** @param base a folder that holds a checkout with its dependencies, or a git revision @param folder a temporary one */
export function openCheckout(base: string, folder: string): Checkout {
  if (existsSync(join(base, 'package.json')))
    return { dist: buildGateway(join(folder, 'base'), resolve(base)), remove: () => undefined }
  const root = join(folder, 'checkout')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  git('worktree', 'add', '--detach', root, base)
  const remove = () => void git('worktree', 'remove', '--force', root)
  try {
    const lock = (of: string) => readFileSync(join(of, 'package-lock.json'), 'utf8')
    if (lock(root) === lock(ROOT)) symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
    else execFileSync('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: root, stdio: 'ignore' })
    return { dist: buildGateway(join(folder, 'base'), root), remove }
  } catch (error) {
    remove()
    throw error
  }
}
