import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../config/atomic-write.ts'
import { formatConfig } from '../../config/config-format.ts'
import { readCurrent, stillHolds } from '../../config/current-file.ts'
import { type Rotation, reencrypt } from '../../config/secret-rotation.ts'
import type { JsonObject } from '../../contract.ts'
import type { Command } from '../command.ts'
import { projectKeys } from '../project-keys.ts'
import { StartError, startError } from '../start-error.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const secretRotate: Command = {
  name: 'secret rotate',
  summary: 'Encrypts anew, with the first key, what other keys have encrypted in conf/*.json.',
  options: projectOption,
  notes: 'Files without such a value stay as they are, byte for byte. Afterwards the other keys can be taken away.',

  async run(values, { stdout, env, cwd }) {
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
    return 0
  },
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
