import { encrypt } from '../../config/values/crypto/crypto.ts'
import { StartError } from '../../gateway/project/start-error.ts'
import { projectKeys } from '../../gateway/project-keys.ts'
import type { Command } from '../command.ts'
import { readSecret } from '../secret-input.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const secretEncrypt: Command = {
  name: 'secret encrypt',
  summary: 'Encrypts a secret, read from standard input, for a file in conf/.',
  options: projectOption,
  notes: `Prints {"$crypto":…}, to be put in place of the clear text. At a terminal it asks for the secret.

Environment:
  IDM_CRYPTO_KEYS       the keys, separated by commas; the first one encrypts
  IDM_CRYPTO_KEYS_FILE  a file that holds them, one a line (default security/crypto.keys)`,

  async run(values, io) {
    const keys = projectKeys(projectDirOf(values, io.cwd), io.env)
    const secret = await readSecret(io)
    if (secret === '') throw new StartError('standard input is empty: there is nothing to encrypt')
    io.stdout.write(`${JSON.stringify(encrypt(secret, keys))}\n`)
    return 0
  },
}
