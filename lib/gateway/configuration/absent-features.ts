import { basename } from 'node:path'
import type { ConfigurationConsumer, ConfigurationFileFault, ConfigurationObject, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'

interface Feature {
  readonly factoryPid: string
  /** What is missed of a file; undefined when nothing is. */
  readonly missed: (content: JsonObject) => Omit<ConfigurationFileFault, 'file'> | undefined
}

/** Features of IDM whose absence changes what a project does, so that their files are not just left alone. */
export const ABSENT_FEATURES: readonly Feature[] = [
  {
    factoryPid: 'policy',
    missed: ({ additionalFiles, resources }) => {
      const isMissed = [additionalFiles, resources].some((list) => Array.isArray(list) && list.length > 0)
      const reason = 'policies of this file are not judged, only those in managed.json that the gateway knows'
      return isMissed ? { pointer: [], reason, cure: 'judge them in onValidate of the type' } : undefined
    },
  },
  {
    factoryPid: 'provisioner.openicf',
    missed: ({ enabled }) => ({
      pointer: [],
      reason: 'there are no connectors: what is below system/ cannot be read or written',
      cure: enabled === false ? 'nothing' : 'reach the system through an IDM, as external/idm/NAME/system/…',
    }),
  },
]

/** Names the files of a feature. */
export class AbsentFeature implements ConfigurationConsumer {
  readonly factoryPid: string
  readonly #feature: Feature
  #objects: readonly ConfigurationObject[] = []

  constructor(feature: Feature) {
    this.factoryPid = feature.factoryPid
    this.#feature = feature
  }

  validate = () => []

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    this.#objects = objects
  }

  notices(): ConfigurationFileFault[] {
    return this.#objects.flatMap(({ file, content }) => {
      const missed = isObject(content) ? this.#feature.missed(content) : undefined
      return missed ? [{ file: basename(file), ...missed }] : []
    })
  }
}
