import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyRing } from '../../config/values/crypto/crypto.ts'
import { reencrypt } from '../../config/values/secret-rotation.ts'
import { silentLog } from '../../core/silent-log.ts'
import { DATABASE } from '../../gateway/objects.ts'
import { startError } from '../../gateway/project/start-error.ts'
import { projectKeys } from '../../gateway/project-keys.ts'
import { openRepository } from '../../repo/repository.ts'
import type { Rewriting } from '../../repo/rewrite.ts'
import type { Command } from '../command.ts'
import { reencryptProject } from '../reencrypt-project.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const secretRotate: Command = {
  name: 'secret rotate',
  summary: 'Encrypts anew, with the first key, what other keys encrypted in conf/*.json and in objects.',
  options: projectOption,
  notes: 'Files without such a value stay as they are, byte for byte. Afterwards the other keys can be taken away.',

  async run(values, io) {
    const { stdout, stderr, env, cwd } = io
    const projectDir = projectDirOf(values, cwd)
    await reencryptProject(projectDir, io)
    const { changed, failures } = await rotateObjects(join(projectDir, 'db', DATABASE), projectKeys(projectDir, env))
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
