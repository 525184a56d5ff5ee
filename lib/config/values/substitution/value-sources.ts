import { join, resolve } from 'node:path'
import { evaluateExpression } from './expression.ts'
import {
  brokenLevel,
  environmentLevel,
  expressionLevel,
  type FoundValue,
  fixedLevel,
  type Level,
  propertiesLevel,
  secretsLevel,
} from './value-sources-level.ts'

export type { FoundValue } from './value-sources-level.ts'

/** Looks up the values of expressions. */
export interface TokenSource {
  /**
   * The value from the first source that defines the token.
   * @param skip leaves out as many of the sources that define it
   * @throws Error when a file is broken, or two files of one directory define the token
   */
  lookup(token: string, skip?: number): FoundValue | undefined
  /** The sources in order, for messages. */
  describe(token?: string): string
}

export interface ValueSourcesOptions {
  /** Default of `idm.install.dir`, `idm.data.dir` and `idm.instance.dir`. */
  readonly projectDir: string
  /** Contains system.properties, boot/boot.properties and config.properties. Default: `conf` in the project. */
  readonly confDir?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Directories with one file per secret, in addition to IDM_SECRETS_DIRS. */
  readonly secretsDirs?: readonly string[]
}

/**
 * The sources of the vendor's page *Property value substitution*, in its order, and one of ours: environment, system
 * properties (`-D` in OPENIDM_OPTS, then conf/system.properties), secret directories (ours), expression files,
 * conf/boot/boot.properties (until IDM 6), conf/config.properties, and built-in values. `load` reads all values; lookups read nothing.
 */
export class ValueSources implements TokenSource {
  readonly #options: ValueSourcesOptions
  #levels: readonly Level[] = []
  #files: readonly string[] = []
  #secretsDirs: readonly string[] = []

  constructor(options: ValueSourcesOptions) {
    this.#options = options
  }

  /** Reads all sources. A file that cannot be read fails only the lookups that depend on it. */
  async load(): Promise<void> {
    const { projectDir, confDir = join(projectDir, 'conf'), env } = this.#options
    const [system, framework] = [join(confDir, 'system.properties'), join(confDir, 'config.properties')]
    const boot = join(confDir, 'boot', 'boot.properties')
    const first = [environmentLevel(env), optionsLevel(env.OPENIDM_OPTS ?? ''), propertiesLevel(system)]
    const known = [...first, serverLevel(projectDir)]
    const secrets = directoriesIn('idm.secrets.dirs', projectDir, known)
    const expressions = directoriesIn('idm.envconfig.dirs', projectDir, known)
    const secretsDirs = [...(this.#options.secretsDirs ?? []), ...secrets.directories].map((directory) =>
      resolve(projectDir, directory),
    )
    this.#levels = [
      ...first,
      ...secrets.faults,
      ...secretsDirs.map(secretsLevel),
      ...expressions.faults,
      ...expressions.directories.map(expressionLevel),
      propertiesLevel(boot),
      propertiesLevel(framework),
      serverLevel(projectDir),
    ]
    this.#secretsDirs = secretsDirs
    this.#files = [system, ...secretsDirs, ...expressions.directories, boot, framework].map((file) => resolve(file))
  }

  lookup(token: string, skip = 0): FoundValue | undefined {
    return lookupIn(this.#levels, token, skip)
  }

  /** Files and directories to watch: absolute paths, some of which may not exist yet. */
  files(): string[] {
    return [...this.#files]
  }

  /** The ones with one file per secret. */
  secretDirectories(): string[] {
    return [...this.#secretsDirs]
  }

  describe(token?: string): string {
    return describeAll(this.#levels, token)
  }
}

function lookupIn(levels: readonly Level[], token: string, skip = 0): FoundValue | undefined {
  let skipped = 0
  for (const level of levels) {
    const found = level.lookup(token)
    if (found && skipped === skip) return found
    if (found) skipped += 1
  }
  return undefined
}

const describeAll = (levels: readonly Level[], token?: string): string =>
  levels.map((level) => level.describe(token)).join(', ')

/** Parses `-Dname=value`, with the quotes of a shell. */
function optionsLevel(options: string): Level {
  const values = new Map<string, string>()
  for (const [word] of options.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    const [, name, value] = /^-D([^=]+)=([\s\S]*)$/.exec(word.replace(/["']/g, '')) ?? []
    if (name !== undefined && value !== undefined) values.set(name, value)
  }
  return fixedLevel('-D in OPENIDM_OPTS', values)
}

/** The project stands for the installation, too. The `launcher` names are those of IDM 6 and earlier. */
const LOCATIONS = [
  'idm.install.dir',
  'idm.data.dir',
  'idm.instance.dir',
  'launcher.install.location',
  'launcher.project.location',
  'launcher.working.location',
]

function serverLevel(projectDir: string): Level {
  const variables = LOCATIONS.map((name) => [name, projectDir] as const)
  return fixedLevel(
    'the server itself',
    new Map([...variables, ['idm.envconfig.dirs', '&{idm.install.dir}/resolver/']]),
  )
}

/** The directories that `token` lists, or why they are unknown. */
function directoriesIn(token: string, projectDir: string, levels: readonly Level[]) {
  const sources: TokenSource = {
    lookup: (name, skip) => lookupIn(levels, name, skip),
    describe: (name) => describeAll(levels, name),
  }
  try {
    const list = sources.lookup(token) ? evaluateExpression(`&{${token}}`, sources) : ''
    const names = list.split(',').map((name) => name.trim())
    return { directories: names.filter((name) => name !== '').map((name) => resolve(projectDir, name)), faults: [] }
  } catch (error) {
    return { directories: [], faults: [brokenLevel(token, (error as Error).message)] }
  }
}
