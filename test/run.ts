/**
 * Runs the test files with a suffix: first those that may run beside each other, then those of `test/serial` one by one.
 * Files and folders among the further words are run instead, one by one; options go to mocha. The last line is
 * "N passed, N failed".
 *
 *   node test/run.ts .test.ts [FILE | FOLDER | MOCHA OPTION]...
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const MODULES = join(import.meta.dirname, '../node_modules')
const MOCHA = join(MODULES, 'mocha/bin/mocha.js')
/** Hundreds of processes start, each with the same modules. */
const env = { NODE_COMPILE_CACHE: join(MODULES, '.cache/compiled'), ...process.env }
const [suffix = '.test.ts', ...words] = process.argv.slice(2)
// The pattern behind -g may be the name of a folder, but hardly the path of one in here.
const paths = words.filter((word) => resolve(word).startsWith(`${import.meta.dirname}${sep}`) && existsSync(word))
const options = words.filter((word) => !paths.includes(word))
const counts = { passing: 0, failing: 0 }

if (paths.length > 0) await run(paths.flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path])))
else {
  const [serial, others] = [filesIn('test/serial'), filesIn('test')]
  // Tests wait for processes and time-outs for half of their time; with one job more than processors, a fifth of these was idle.
  const jobs = String(Math.max(2, availableParallelism()) + 2)
  // Those that wait for minutes until packages are installed begin first, beside all others.
  const isLast = (file: string) => Number(!file.includes(`${sep}package${sep}`))
  await run(
    others.filter((file) => !serial.includes(file)).sort((one, other) => isLast(one) - isLast(other)),
    '--parallel',
    '--jobs',
    jobs,
  )
  await run(serial)
}
console.log(`${counts.passing} passed, ${counts.failing} failed`)
process.exitCode = counts.failing > 0 ? 1 : 0

function filesIn(folder: string): string[] {
  return globSync(`${folder}/**/*${suffix}`, { exclude: ['**/node_modules/**'] }).sort()
}

async function run(files: readonly string[], ...more: readonly string[]): Promise<void> {
  if (files.length === 0) return
  const color = process.stdout.isTTY ? ['--color'] : []
  const args = [MOCHA, ...color, ...more, ...options, ...files]
  const child = spawn(process.execPath, args, { env, stdio: ['inherit', 'pipe', 'inherit'] })
  let tail = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text)
    tail = (tail + text).slice(-1_000_000)
  })
  const [code] = await once(child, 'close')
  const countOf = (word: string) =>
    Number(stripVTControlCharacters(tail).match(new RegExp(`^ +(\\d+) ${word}`, 'm'))?.[1] ?? 0)
  counts.passing += countOf('passing')
  // A run that ends badly without a count has failed as a whole.
  counts.failing += countOf('failing') || (code === 0 ? 0 : 1)
}
