import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../config/files/atomic-write.ts'
import { readCurrent, stillHolds } from '../config/files/current-file.ts'
import { objectIdOfFile, pidOf } from '../config/files/naming.ts'
import { formatConfig } from '../config/rest/config-format.ts'
import { KeyRing } from '../config/values/crypto/crypto.ts'
import { LOCAL_KEY_FILE, LocalKey } from '../config/values/local-key.ts'
import { addressesOf, placeIn, rulesFor } from '../config/values/secret-place.ts'
import { type Rotation, reencrypt, type Stale } from '../config/values/secret-rotation.ts'
import type { JsonObject } from '../contract.ts'
import { HOST_ADDRESS_FIELDS } from '../gateway/configuration/host-configuration.ts'
import { readPluginFolder } from '../gateway/plugins/manifest.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { StartError, startError } from '../gateway/project/start-error.ts'
import { projectKeys } from '../gateway/project-keys.ts'
import type { CommandIo } from './command.ts'

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
