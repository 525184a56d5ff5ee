import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = 'openidm-external-idm'

export interface CommandLineOptions {
  readonly cwd?: string
  /** The path by which the program was started. */
  readonly script?: string | undefined
  /** The file of this module, which tells a checkout from an installed package. */
  readonly module?: string
}

/** How to type a command of this program where the process was started: `npm run --silent cli --` in a checkout, for example. */
export function commandLine({
  cwd = process.cwd(),
  script = process.argv[1],
  module = fileURLToPath(import.meta.url),
}: CommandLineOptions = {}): string {
  if (module.endsWith('.ts')) {
    const root = join(module, '../../..')
    const isInside = !relative(root, cwd).startsWith('..')
    return isInside ? 'npm run --silent cli --' : `node ${join(root, 'lib/bin.js')}`
  }
  const isOnPath = script !== undefined && basename(script) === PROGRAM && !/node_modules[\\/]\.bin/.test(script)
  return isOnPath ? PROGRAM : `npx ${PROGRAM}`
}

/** A word of a command, quoted for a POSIX shell where necessary. */
export const shellQuoted = (word: string): string =>
  /^[\w./\\:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
