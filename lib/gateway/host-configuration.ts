import { ConfigDirectory } from '../config/directory.ts'
import type { Disposable } from '../contract.ts'
import { Scope } from '../util/scope.ts'
import { defaultAccess } from './access.ts'
import { accessSchema } from './access-rules.ts'
import { authenticationSchema } from './identity/rs-filter-properties.ts'
import type { HostLog } from './log.ts'
import type { Project } from './project.ts'
import { Setting } from './setting.ts'
import { settingsSchema } from './settings.ts'

/** JSON pointers to what nobody may see in the host's own configuration objects. */
const SECRET_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([['authentication', ['rsFilter/clientSecret']]])

/** The project's `conf/`, and what the host itself takes from it. */
export class HostConfiguration implements Disposable {
  readonly directory: ConfigDirectory
  /** `access.json`: the rules in force. */
  readonly access
  readonly authentication
  /** `gateway.json`. */
  readonly settings
  readonly #scope: Scope

  constructor({ conf }: Project, log: HostLog) {
    this.#scope = new Scope(log)
    this.directory = this.#scope.own('configuration directory', new ConfigDirectory({ dir: conf, log }))
    const rules = accessSchema.transform(({ configs }) => configs)
    this.access = new Setting({ name: 'access', schema: rules, absent: defaultAccess(), log })
    this.authentication = new Setting({ name: 'authentication', schema: authenticationSchema, absent: {}, log })
    this.settings = new Setting({ name: 'gateway', schema: settingsSchema, absent: settingsSchema.parse({}), log })
  }

  /**
   * Resolves when everything that is there is in force.
   * @throws StartError when something the host itself needs is broken
   */
  async start(): Promise<void> {
    await this.directory.start()
    for (const setting of [this.settings, this.access, this.authentication]) {
      this.#scope.own(`setting ${setting.factoryPid}`, await setting.follow(this.directory))
    }
  }

  secretFields(pid: string): readonly string[] {
    return SECRET_FIELDS.get(pid) ?? []
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }
}
