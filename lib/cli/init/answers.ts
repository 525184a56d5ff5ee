/** What the options of `init` say, and what has to be asked. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nameFault } from '../../config/files/naming.ts'
import type { JsonObject } from '../../contract.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { FACTORY_PID } from '../../remote/instance/registry.ts'
import { type InstanceProperties, judgeProperties } from '../../remote/properties/properties.ts'
import { UsageError } from '../command.ts'
import type { Prompts } from '../prompts.ts'

/** Options that may be given once for each remote: `NAME=VALUE`. */
export interface RemoteOptions {
  readonly remote?: readonly string[]
  readonly user?: readonly string[]
  readonly clientId?: readonly string[]
  readonly tokenEndpoint?: readonly string[]
  readonly clientAuth?: readonly string[]
  readonly scope?: readonly string[]
  readonly secretFile?: readonly string[]
}

/** A remote that is about to get its file. */
export interface NewRemote {
  readonly name: string
  /** Of the file, with the secret in clear text. */
  readonly content: JsonObject
  readonly secretField: 'password' | 'clientSecret'
  readonly properties: InstanceProperties
}

export interface AnswersOptions {
  readonly options: RemoteOptions
  readonly prompts: Prompts | undefined
  readonly cwd: string
  /** Whether the answers are final: no further remote is asked for. */
  readonly isComplete: boolean
  /** Whether there is a file for this name that must not be replaced. */
  readonly isTaken: (name: string) => boolean
}

/**
 * Takes the answers from the options, and asks for the others at the terminal.
 * @throws UsageError without a terminal, naming every option that is missing in `missing` and here
 */
export async function askRemotes(given: AnswersOptions, missing: string[]): Promise<NewRemote[]> {
  const { prompts, isComplete, isTaken } = given
  const remotes = pairs('--remote', given.options.remote)
  for (const [name, [url = '']] of remotes) {
    const fault = nameFaultOf(name) ?? (isTaken(name) ? EXISTS : urlFault(url))
    if (fault !== undefined) throw new UsageError(`--remote ${name}: ${fault}`)
  }
  if (prompts && !isComplete && remotes.size === 0) {
    while (remotes.size === 0 || (await prompts.confirm('Add another remote?', remotes.size < 2))) {
      const fault = (name: string) =>
        remotes.has(name) ? 'has been given already' : (nameFaultOf(name) ?? (isTaken(name) ? EXISTS : undefined))
      const name = await prompts.text('Name of the remote in this gateway', { example: 'eu', fault })
      const example = 'https://idm.example.com:8443/openidm/'
      remotes.set(name, [await prompts.text(`URL of ${name}`, { example, fault: urlFault })])
    }
  }
  const answers: NewRemote[] = []
  const asked = new RemoteAnswers(given, missing, new Set(remotes.keys()))
  for (const [name, [url = '']] of remotes) answers.push(...(await asked.of(name, url)))
  return answers
}

class RemoteAnswers {
  readonly #given: AnswersOptions
  readonly #missing: string[]
  readonly #values: Readonly<Record<string, ReadonlyMap<string, readonly string[]>>>

  constructor(given: AnswersOptions, missing: string[], names: ReadonlySet<string>) {
    this.#given = given
    this.#missing = missing
    const { user, clientId, tokenEndpoint, clientAuth, scope, secretFile } = given.options
    const lists = { user, clientId, tokenEndpoint, clientAuth, scope, secretFile }
    this.#values = Object.fromEntries(
      Object.entries(lists).map(([option, list]) => [option, pairs(flagOf(option), list, names)]),
    )
  }

  /** @returns nothing when something is missing */
  async of(name: string, url: string): Promise<NewRemote[]> {
    const before = this.#missing.length
    const authType = await this.#authType(name)
    if (authType === undefined) return []
    const secretField = authType === 'basic' ? 'password' : 'clientSecret'
    const own = authType === 'basic' ? await this.#basic(name) : await this.#bearer(name)
    const secret = await this.#secret(name, secretField)
    if (this.#missing.length > before) return []
    const content = { authType, instanceUrl: url, ...own, [secretField]: secret }
    const judgement = judgeProperties(content)
    if ('faults' in judgement) throw new StartError(`${name}: ${judgement.faults.join('; ')}`)
    return [{ name, content, secretField, properties: judgement.properties }]
  }

  async #authType(name: string): Promise<'basic' | 'bearer' | undefined> {
    if (this.#value('clientId', name) !== undefined || this.#value('tokenEndpoint', name) !== undefined) return 'bearer'
    if (this.#value('user', name) !== undefined) return 'basic'
    const { prompts } = this.#given
    if (!prompts) {
      this.#missing.push(`--user ${name}=… (or --client-id and --token-endpoint), --secret-file ${name}=…`)
      return undefined
    }
    return prompts.choose(`How does this gateway sign in to ${name}?`, {
      basic: 'user name and password',
      bearer: 'OAuth 2.0 client credentials (Advanced Identity Cloud, PingAM)',
    })
  }

  async #basic(name: string): Promise<JsonObject> {
    return { userName: await this.#text('user', name, `User name at ${name}`, 'openidm-admin') }
  }

  async #bearer(name: string): Promise<JsonObject> {
    const example = 'https://tenant.example.com/am/oauth2/realms/root/realms/alpha/access_token'
    const tokenEndpoint = await this.#text('tokenEndpoint', name, `Token endpoint for ${name}`, example)
    const clientId = await this.#text('clientId', name, `Client id at ${name}`, 'proxy-client')
    const scopes = this.#values.scope?.get(name)
    const { prompts } = this.#given
    const typed = scopes ?? (prompts ? [await prompts.text(`Scope for ${name}, if any`, { example: 'fr:idm:*' })] : [])
    const scope = typed.flatMap((text) => text.split(/\s+/)).filter((text) => text !== '')
    const method =
      this.#value('clientAuth', name) ??
      (await prompts?.choose(`How does ${clientId} authenticate?`, {
        client_secret_basic: 'client_secret_basic',
        client_secret_post: 'client_secret_post',
      }))
    return { clientId, tokenEndpoint, scope, ...(method !== undefined && { tokenEndpointAuthMethod: method }) }
  }

  async #secret(name: string, what: 'password' | 'clientSecret'): Promise<string> {
    const file = this.#value('secretFile', name)
    if (file !== undefined) return secretIn(resolve(this.#given.cwd, file))
    const { prompts } = this.#given
    if (prompts) return prompts.secret(`${what === 'password' ? 'Password' : 'Client secret'} for ${name} (not shown)`)
    this.#missing.push(`--secret-file ${name}=…`)
    return ''
  }

  async #text(option: string, name: string, question: string, example: string): Promise<string> {
    const value = this.#value(option, name)
    if (value !== undefined) return value
    const { prompts } = this.#given
    if (prompts) return prompts.text(question, { example, fault: (text) => (text === '' ? 'is needed' : undefined) })
    this.#missing.push(`${flagOf(option)} ${name}=…`)
    return ''
  }

  #value(option: string, name: string): string | undefined {
    return this.#values[option]?.get(name)?.[0]
  }
}

/** `tokenEndpoint` as it is typed: `--token-endpoint`. */
const flagOf = (option: string): string => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** @throws UsageError unless each is `NAME=VALUE`, with a name of `names` */
export function pairs(
  flag: string,
  list: readonly string[] = [],
  names?: ReadonlySet<string>,
): Map<string, readonly string[]> {
  const values = new Map<string, readonly string[]>()
  for (const entry of list) {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/s.exec(entry) ?? []
    if (name === '') throw new UsageError(`${flag}: must be NAME=VALUE, found ${JSON.stringify(entry)}`)
    if (names && !names.has(name)) throw new UsageError(`${flag}: there is no --remote ${name}=…`)
    if (!names && values.has(name)) throw new UsageError(`${flag}: ${name} is given twice`)
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return values
}

function secretIn(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (text === '') throw new StartError(`${file}: is empty`)
    return text
  } catch (error) {
    throw startError(file, error)
  }
}

const nameFaultOf = (alias: string): string | undefined =>
  nameFault({ id: `${FACTORY_PID}/${alias}`, factoryPid: FACTORY_PID, alias })

function urlFault(instanceUrl: string): string | undefined {
  const judgement = judgeProperties({ authType: 'basic', instanceUrl, userName: 'x', password: 'x' })
  return 'faults' in judgement ? judgement.faults.join('; ') : undefined
}

const EXISTS = 'has a file in conf/ already: give another name, or --overwrite'
