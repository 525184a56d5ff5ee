import { commandLine, shellQuoted } from '../../core/command-line.ts'
import type { CommandIo } from '../command.ts'
import type { ApiOptions } from '../gateway-api.ts'

/** The command line of `recon WORDS` for the gateway that these options name. */
export function reconCommand({ url, user, project }: ApiOptions, { cwd }: CommandIo, ...words: string[]): string {
  const gateway = [
    project === undefined ? [] : ['--project', project],
    url === undefined ? [] : ['--url', url],
    user === undefined ? [] : ['--user', user],
  ].flat()
  return `${commandLine({ cwd })} ${['recon', ...words, ...gateway].map(shellQuoted).join(' ')}`
}
