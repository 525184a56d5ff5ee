/** Secrets at rest: keys, encryption, and encrypting again with another key. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { replaceFile } from '../config/files/atomic-write.ts'
import { readCurrent, stillHolds } from '../config/files/current-file.ts'
import { objectIdOfFile, pidOf } from '../config/files/naming.ts'
import { formatConfig } from '../config/rest/config-format.ts'
import { encrypt, generateKey, KeyRing, parseKeys } from '../config/values/crypto/crypto.ts'
import { fixedKeys, KeyWrapper } from '../config/values/crypto/key-wrapper.ts'
import { LOCAL_KEY_FILE, LocalKey } from '../config/values/local-key.ts'
import { addressesOf, placeIn, rulesFor } from '../config/values/secret-place.ts'
import { type Rotation, reencrypt, type Stale, unbound } from '../config/values/secret-rotation.ts'
import type { JsonObject } from '../contract.ts'
import { silentLog } from '../core/log.ts'
import { utf8Text } from '../core/utf8.ts'
import { HOST_ADDRESS_FIELDS } from '../gateway/configuration/host-configuration.ts'
import type { RepositoryPlace } from '../gateway/configuration/repository-settings.ts'
import { takeOwnership } from '../gateway/ownership.ts'
import { readPluginFolder } from '../gateway/plugins/manifest.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { StartError, startError } from '../gateway/project/start-error.ts'
import { projectKeys } from '../gateway/project-keys.ts'
import type { Rewriting } from '../repo/objects/rewrite.ts'
import { openRepository } from '../repo/open.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from './command.ts'
import { placeOfProject } from './repo/project-place.ts'

export async function secretGenerateKey(options: { readonly id?: string }, { stdout }: CommandIo): Promise<number> {
  const key = generateKey(options.id)
  parseKeys(key, '--id')
  stdout.write(`${key}\n`)
  return 0
}

export async function secretEncrypt(options: ProjectOptions, io: CommandIo): Promise<number> {
  const keys = projectKeys(await projectDirOf(options, io.cwd), io.env)
  const secret = await readSecret(io)
  if (secret === '') throw new StartError('standard input is empty: there is nothing to encrypt')
  io.stdout.write(`${JSON.stringify(encrypt(secret, keys))}\n`)
  return 0
}

/** Reads all of standard input except one trailing line break; at a terminal, one line without echo. */
async function readSecret({ stdin, stderr }: CommandIo): Promise<string> {
  if (stdin.isTTY) return readWithoutEcho(stdin, stderr)
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  const text = utf8Text(Buffer.concat(chunks))
  if (text === undefined) throw new StartError('the secret on standard input is not UTF-8 text')
  return text.replace(/\r?\n$/, '')
}

async function readWithoutEcho(stdin: CommandIo['stdin'], stderr: CommandIo['stderr']): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: stdin, output, terminal: true })
  stderr.write('Secret (not shown): ')
  try {
    return await terminal.question('')
  } finally {
    stderr.write('\n')
    terminal.close()
  }
}

export const secretRewrap = async (options: ProjectOptions, io: CommandIo): Promise<number> =>
  asOwner(await projectDirOf(options, io.cwd), (projectDir) => reencryptFiles(projectDir, io, unbound))

export const secretRotate = async (options: ProjectOptions, io: CommandIo): Promise<number> =>
  asOwner(await projectDirOf(options, io.cwd), (projectDir) => rotate(projectDir, io))

/** A gateway makes `db/` when it first starts: without it there is no other owner, and nothing is created. */
async function asOwner(dir: string, work: (projectDir: string) => Promise<number>): Promise<number> {
  const db = join(dir, 'db')
  const ownership = existsSync(db) ? await takeOwnership({ dir, db }, 'command') : undefined
  try {
    return await work(dir)
  } finally {
    ownership?.release()
  }
}

async function rotate(projectDir: string, io: CommandIo): Promise<number> {
  const { stdout, stderr, env } = io
  await reencryptFiles(projectDir, io)
  const place = await placeOfProject(projectDir, env)
  const { changed, failures, runs } = await reencryptDatabase(place, projectKeys(projectDir, env))
  for (const [type, count] of changed) stdout.write(`${type}: ${count} encrypted anew\n`)
  if (runs > 0) stdout.write(`keys of reconciliations and queued changes: ${runs} encrypted anew\n`)
  for (const failure of failures) stderr.write(`${failure}\n`)
  if (failures.length > 0) stderr.write('These stay as they are: keep the keys that they need.\n')
  return failures.length > 0 ? 1 : 0
}

/** The objects of all types, including types that conf/managed.json no longer has, and the data keys of runs. */
async function reencryptDatabase(
  place: RepositoryPlace,
  ring: KeyRing,
): Promise<Rewriting & { readonly runs: number }> {
  if ('file' in place && !existsSync(place.file)) return { changed: new Map(), failures: [], runs: 0 }
  try {
    const keys = new KeyWrapper(fixedKeys(ring))
    const repository = await openRepository({ ...place, keys, log: silentLog })
    try {
      await repository.own()
      const { changed, failures } = await repository.rewrite('"$crypto"', (content) => reencrypt(content, ring).content)
      const runs = await repository.rewrapRunKeys()
      return { changed, failures: [...failures, ...runs.failures], runs: runs.count }
    } finally {
      await repository.close()
    }
  } catch (error) {
    throw 'file' in place ? startError(place.file, error) : error
  }
}

/**
 * Encrypts stale values in the files of `conf/` again, with the first key, and prints how many in each file.
 * @returns the exit status
 */
async function reencryptFiles(projectDir: string, { stdout, env }: CommandIo, isStale?: Stale): Promise<number> {
  const local = new LocalKey(join(projectDir, 'security', LOCAL_KEY_FILE)).known ?? new KeyRing([])
  const keys = projectKeys(projectDir, env).with(local)
  const conf = join(projectDir, 'conf')
  const names = await readdir(conf).catch((error) => {
    throw startError(conf, error)
  })
  for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
    const id = objectIdOfFile(name)?.id ?? name
    const reencrypted = (content: JsonObject) =>
      reencrypt(content, keys, placeIn(id, addressesOf(content, rulesOf(id))), isStale)
    const count = await changeFile(join(conf, name), reencrypted)
    if (count > 0) stdout.write(`${name}: ${count} encrypted anew\n`)
  }
  return 0
}

/** The fields of a configuration object that name an address, in a gateway with this package as its plugin. */
function addressFields(pid: string): readonly string[] {
  const { contributes } = readPluginFolder(packageRoot).manifest
  const own = contributes.configuration.filter(({ factoryPid }) => factoryPid === pid)
  return [...(HOST_ADDRESS_FIELDS.get(pid) ?? []), ...own.flatMap(({ addressFields }) => addressFields)]
}

const rulesOf = (id: string) => rulesFor(pidOf(id), () => [], addressFields)

async function changeFile(file: string, change: (content: JsonObject) => Rotation): Promise<number> {
  try {
    const current = readCurrent(file)
    if (!current?.content) return 0
    const { content, count } = change(current.content)
    if (count === 0) return 0
    const text = formatConfig(content, { text: current.bytes.toString(), content: current.content })
    if (await replaceFile(file, Buffer.from(text), () => stillHolds(file, current.bytes))) return count
    throw new StartError(`${file}: was changed at the same time; try again`)
  } catch (error) {
    throw startError(file, error)
  }
}
