import { ConfigDirectory } from '../../config/files/directory.ts'
import { Setting } from '../../config/files/setting.ts'
import { ContentResolver } from '../../config/values/content-resolver.ts'
import type { FieldsOf } from '../../config/values/secret-place.ts'
import { evaluateExpression } from '../../config/values/substitution/expression.ts'
import type { Disposable } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { REQUIRED_IN_SCRIPT_SETTINGS } from '../../script/main/settings.ts'
import { readPrivateKeys } from '../../trust/keystore.ts'
import { closedAccess, defaultAccess } from '../access/access.ts'
import { accessNotices, accessSchema } from '../access/access-rules.ts'
import {
  authenticationNotices,
  authenticationSchema,
  REQUIRED_IN_AUTHENTICATION,
  withoutTokens,
} from '../access/authentication-properties.ts'
import { auditNotices } from '../audit/notices.ts'
import { auditSchema, defaultAudit } from '../audit/settings.ts'
import type { HostLog } from '../project/log.ts'
import type { Project } from '../project/project.ts'
import { ABSENT_FEATURES, AbsentFeature } from './absent-features.ts'
import { type CorsPolicy, corsFilterSchema, corsSchema } from './cors-settings.ts'
import { repositorySchema } from './repository-settings.ts'
import { settingsSchema } from './settings.ts'

/** JSON pointers to secret fields in the host's own configuration objects. */
const SECRET_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['authentication', ['rsFilter/clientSecret']],
  ['repo', ['password']],
])
/** JSON pointers to the addresses that these secrets are sent to. */
export const HOST_ADDRESS_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['authentication', ['rsFilter/tokenIntrospectUrl']],
  ['repo', ['url']],
])

/**
 * JSON pointers to the parts of an object whose expressions must have a value. IDM's files have other parts that this
 * gateway does not read, with expressions that only IDM resolves. Without an entry: the whole object.
 */
const REQUIRED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['audit', []],
  ['authentication', REQUIRED_IN_AUTHENTICATION],
  ['script', REQUIRED_IN_SCRIPT_SETTINGS],
  ...ABSENT_FEATURES.map(({ factoryPid }) => [factoryPid, []] as const),
])

const NO_CORS = corsSchema.parse({})

export interface HostConfigurationOptions {
  readonly project: Project
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: HostLog
  /** Secret fields of plugins. */
  readonly secretFields?: FieldsOf
  /** Address fields of plugins. */
  readonly addressFields?: FieldsOf
}

/** The project's `conf/` and the settings that the host reads from it. */
export class HostConfiguration implements Disposable {
  /** Resolves expressions, purposes and encrypted values. */
  readonly resolver: ContentResolver
  readonly directory: ConfigDirectory
  /** `access.json`: the rules in force. */
  readonly access
  readonly authentication
  readonly audit
  /** `gateway.json`. */
  readonly settings
  /** `repo.json`, which is in force from the next start: see `repositoryPlace`. */
  readonly #repository
  /** `servletfilter-cors.json`. */
  readonly #corsFilter
  readonly #scope: Scope
  readonly #secretFields: FieldsOf
  readonly #addressFields: FieldsOf

  constructor({ project, env, log, secretFields = () => [], addressFields = () => [] }: HostConfigurationOptions) {
    const { dir: projectDir, conf } = project
    this.#scope = new Scope(log)
    this.#secretFields = secretFields
    this.#addressFields = addressFields
    const options = { projectDir, confDir: conf, env, log, readKeystore: readPrivateKeys }
    this.resolver = this.#scope.own(
      'value sources',
      new ContentResolver({
        ...options,
        secretFields: this.secretFields,
        addressFields: this.addressFields,
        requiredFields: (pid) => REQUIRED.get(pid),
      }),
    )
    const { resolve } = this.resolver
    this.directory = this.#scope.own('configuration directory', new ConfigDirectory({ dir: conf, log, resolve }))
    this.#scope.own(
      'value changes',
      this.resolver.onChange(() => this.directory.invalidate()),
    )
    const rules = accessSchema.transform(({ configs }) => configs)
    this.access = new Setting({
      name: 'access',
      schema: rules,
      absent: defaultAccess(),
      fallback: closedAccess,
      consequence: 'only the administrator rule and the valid rules grant access',
      notices: accessNotices,
      log,
    })
    this.authentication = new Setting({
      name: 'authentication',
      schema: authenticationSchema,
      absent: authenticationSchema.parse({}),
      fallback: withoutTokens,
      consequence: 'bearer tokens are rejected',
      notices: authenticationNotices,
      log,
    })
    this.audit = new Setting({
      name: 'audit',
      schema: auditSchema,
      absent: defaultAudit(),
      notices: auditNotices,
      log,
    })
    this.settings = new Setting({ name: 'gateway', schema: settingsSchema, absent: settingsSchema.parse({}), log })
    this.#repository = new Setting({
      name: 'repo',
      schema: repositorySchema.optional(),
      absent: undefined,
      consequence: 'a gateway does not start with it',
      log,
    })
    this.#corsFilter = new Setting({ name: 'servletfilter/cors', schema: corsFilterSchema, absent: undefined, log })
  }

  /** The property `openidm.node.id`. */
  get nodeId(): string {
    return evaluateExpression('&{openidm.node.id|node1}', this.resolver.sources)
  }

  get cors(): CorsPolicy {
    return this.settings.value.cors ?? this.#corsFilter.value ?? NO_CORS
  }

  /** Resolves when all configuration is in force or its faults are known. */
  async start(): Promise<void> {
    await this.resolver.start()
    await this.directory.start()
    for (const feature of ABSENT_FEATURES)
      this.#scope.own(`${feature.factoryPid} files`, await this.directory.subscribe(new AbsentFeature(feature)))
    const own = [this.settings, this.access, this.authentication, this.audit, this.#repository, this.#corsFilter]
    for (const setting of own) this.#scope.own(`setting ${setting.factoryPid}`, await this.directory.subscribe(setting))
  }

  /** Rescans everything; resolves when it is in force. */
  async reload(): Promise<void> {
    await this.resolver.refresh()
    await this.directory.rescan()
  }

  /** JSON pointers to secret fields in the objects of `pid`. */
  readonly secretFields: FieldsOf = (pid) => [...(SECRET_FIELDS.get(pid) ?? []), ...this.#secretFields(pid)]

  /** JSON pointers to the addresses that these secrets are sent to. */
  readonly addressFields: FieldsOf = (pid) => [...(HOST_ADDRESS_FIELDS.get(pid) ?? []), ...this.#addressFields(pid)]

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }
}
