import { linkSync, unlinkSync, writeFileSync } from 'node:fs'
import type { Logger } from '../../contract.ts'
import { readFileBounded } from '../files/file-read.ts'
import { generateKey, type KeyRing, parseKeys } from './crypto/keys.ts'

/** In the project's `security/`. */
export const LOCAL_KEY_FILE = 'config-rest.key'

/**
 * Encrypts the secrets shown over REST while no key for values at rest is configured. It is created on first use and
 * kept in a file: what was exported before a restart can be imported after it.
 */
export class LocalKey {
  readonly #file: string | undefined
  readonly #log: Logger | undefined
  #ring: KeyRing | undefined

  /** Without a file the key lasts as long as the process. */
  constructor(file?: string, log?: Logger) {
    this.#file = file
    this.#log = log
  }

  /** Undefined until a key was created. */
  get known(): KeyRing | undefined {
    this.#ring ??= this.#read()
    return this.#ring
  }

  get ring(): KeyRing {
    this.#ring ??= this.#read() ?? this.#create()
    return this.#ring
  }

  #read(): KeyRing | undefined {
    if (this.#file === undefined) return undefined
    try {
      return parseKeys(readFileBounded(this.#file).bytes.toString(), this.#file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log?.warn({ file: this.#file }, `the key cannot be used: ${(error as Error).message}`)
      return undefined
    }
  }

  #create(): KeyRing {
    const line = generateKey(`config-rest-${Date.now().toString(36)}`)
    if (this.#file === undefined) return parseKeys(line, 'a new key')
    try {
      publish(this.#file, `${line}\n`)
    } catch (error) {
      // Another process created it first.
      const other = this.#read()
      if (other) return other
      const { code } = error as NodeJS.ErrnoException
      this.#log?.warn(
        { file: this.#file },
        `the key for secrets shown over REST cannot be kept in ${this.#file} (${code}): what is exported now can be imported until the gateway stops`,
      )
    }
    return parseKeys(line, 'a new key')
  }
}

/** Creates a file atomically. @throws the file system's error; EEXIST when it exists */
function publish(file: string, text: string): void {
  const draft = `${file}.${process.pid}.draft`
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    linkSync(draft, file)
  } finally {
    unlinkSync(draft)
  }
}
