import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../config/atomic-write.ts'
import { formatConfig } from '../../config/config-format.ts'
import type { KeyRing } from '../../config/crypto.ts'
import { readCurrent, stillHolds } from '../../config/current-file.ts'
import { type Rotation, reencrypt } from '../../config/secret-rotation.ts'
import type { JsonObject } from '../../contract.ts'
import { openRepository } from '../../repo/repository.ts'
import type { Rewriting } from '../../repo/rewrite.ts'
import { silentLog } from '../../util/silent-log.ts'
import type { Command } from '../command.ts'
import { DATABASE } from '../objects.ts'
import { projectKeys } from '../project-keys.ts'
import { StartError, startError } from '../start-error.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const secretRotate: Command = {
  name: 'secret rotate',
  summary: 'Encrypts anew, with the first key, what other keys encrypted in conf/*.json and in objects.',
  options: projectOption,
  notes: 'Files without such a value stay as they are, byte for byte. Afterwards the other keys can be taken away.',

  async run(values, { stdout, stderr, env, cwd }) {
    const projectDir = projectDirOf(values, cwd)
    const keys = projectKeys(projectDir, env)
    const conf = join(projectDir, 'conf')
    const names = await readdir(conf).catch((error) => {
      throw startError(conf, error)
    })
    for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
      const count = await rotateFile(join(conf, name), (content) => reencrypt(content, keys))
      if (count > 0) stdout.write(`${name}: ${count} encrypted anew\n`)
    }
    const { changed, failures } = await rotateObjects(join(projectDir, 'db', DATABASE), keys)
    for (const [type, count] of changed) stdout.write(`${type}: ${count} encrypted anew\n`)
    for (const failure of failures) stderr.write(`${failure}\n`)
    if (failures.length > 0) stderr.write('what is named here stays as it is: keep the keys that it needs\n')
    return failures.length > 0 ? 1 : 0
  },
}

/** The objects of all types, those that conf/managed.json no longer names included. */
async function rotateObjects(file: string, keys: KeyRing): Promise<Rewriting> {
  if (!existsSync(file)) return { changed: new Map(), failures: [] }
  try {
    const repository = await openRepository({ file, log: silentLog })
    try {
      return await repository.rewrite('"$crypto"', (content) => reencrypt(content, keys).content)
    } finally {
      await repository.close()
    }
  } catch (error) {
    throw startError(file, error)
  }
}

async function rotateFile(file: string, rotate: (content: JsonObject) => Rotation): Promise<number> {
  try {
    const current = readCurrent(file)
    if (!current?.content) return 0
    const { content, count } = rotate(current.content)
    if (count === 0) return 0
    const text = formatConfig(content, { text: current.bytes.toString(), content: current.content })
    if (await replaceFile(file, Buffer.from(text), () => stillHolds(file, current.bytes))) return count
    throw new StartError(`${file}: somebody else changed it at the same time; try again`)
  } catch (error) {
    throw startError(file, error)
  }
}
