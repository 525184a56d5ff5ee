import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../config/atomic-write.ts'
import { formatConfig } from '../config/config-format.ts'
import { KeyRing } from '../config/crypto.ts'
import { readCurrent, stillHolds } from '../config/current-file.ts'
import { LOCAL_KEY_FILE, LocalKey } from '../config/local-key.ts'
import { objectIdOfFile, pidOf } from '../config/naming.ts'
import { addressesOf, placeIn, rulesFor } from '../config/secret-place.ts'
import { type Rotation, reencrypt, type Stale } from '../config/secret-rotation.ts'
import type { JsonObject } from '../contract.ts'
import type { CommandIo } from './command.ts'
import { HOST_ADDRESS_FIELDS } from './host-configuration.ts'
import { readPluginFolder } from './manifest.ts'
import { packageRoot } from './package-info.ts'
import { projectKeys } from './project-keys.ts'
import { StartError, startError } from './start-error.ts'

/**
 * Encrypts anew, with the first key, what is stale in the files of `conf/`; tells of each file.
 * @returns the exit status
 */
export async function reencryptProject(
  projectDir: string,
  { stdout, env }: CommandIo,
  isStale?: Stale,
): Promise<number> {
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

/** As a gateway has it with this package as its plugin. */
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
    throw new StartError(`${file}: somebody else changed it at the same time; try again`)
  } catch (error) {
    throw startError(file, error)
  }
}
