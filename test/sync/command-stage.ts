/** The command `recon`, typed at a gateway between two remotes. */
import { Readable, Writable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { PASSWORD, type TestGateway } from '../gateway/parts.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway } from './gateways.ts'

export const MAPPING: JsonObject = {
  name: 'eu_to_fidc',
  source: 'external/idm/65/managed/user',
  target: 'external/idm/fidc/managed/alpha_user',
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
    { source: 'password', target: 'password' },
  ],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { any: ['userName'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

export interface Typed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandStage {
  readonly source: RemoteIdm
  readonly target: RemoteIdm
  readonly gateway: TestGateway
  /** Types `recon ARGS`. */
  type(...args: string[]): Promise<Typed>
}

/** Three users at the source, and nobody at the target. */
export async function startCommandStage(mapping: JsonObject = {}): Promise<CommandStage> {
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
  const gateway = await startSyncGateway({ 65: source, fidc: target }, [{ ...MAPPING, ...mapping }])
  for (const name of ['amira', 'bo', 'cy'])
    await source.connection.create('managed/user', name, {
      userName: name,
      mail: `${name}@x`,
      password: 'Sesam-1234',
    })
  return { source, target, gateway, type: (...args) => typed(gateway.url, args) }
}

/**
 * Types `recon ARGS`.
 * @param url the gateway; undefined = the arguments name it
 * @param answer what is typed at the terminal; without it there is none
 */
export const typed = (
  url: string | undefined,
  args: readonly string[],
  answer?: () => AsyncIterable<string>,
): Promise<Typed> => typedCommand(url, ['recon', ...args], answer)

export async function typedCommand(
  url: string | undefined,
  args: readonly string[],
  answer?: () => AsyncIterable<string>,
): Promise<Typed> {
  const printed = { stdout: '', stderr: '' }
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        printed[name] += String(chunk)
        done()
      },
    })
  const io = {
    stdin: answer ? Object.assign(Readable.from(answer()), { isTTY: true }) : Readable.from([]),
    stdout: into('stdout'),
    stderr: into('stderr'),
    env: { ...(url !== undefined && { OPENIDM_URL: url }), OPENIDM_PASSWORD: PASSWORD, LOG_LEVEL: 'silent' },
    cwd: '/',
  }
  const code = await main(args, io)
  return { code, ...printed }
}
