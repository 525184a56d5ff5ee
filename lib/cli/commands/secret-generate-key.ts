import { generateKey, parseKeys } from '../../config/values/crypto/crypto.ts'
import type { Command } from '../command.ts'

export const secretGenerateKey: Command = {
  name: 'secret generate-key',
  summary: 'Prints a new key for secrets at rest.',
  options: { id: { value: 'ID', description: 'what the key is called (default: the date of today)' } },
  notes: `It belongs into security/crypto.keys, readable by the gateway alone:
  (umask 077; openidm-external-idm secret generate-key > security/crypto.keys)
To change keys, put the new one before the old one, run secret rotate, and take the old one away.`,

  async run(values, { stdout }) {
    const key = generateKey(values.text('id'))
    parseKeys(key, '--id')
    stdout.write(`${key}\n`)
    return 0
  },
}
