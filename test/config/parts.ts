import { ConfigDirectory, type ConfigDirectoryOptions } from '../../lib/config/directory.ts'
import type { ConfigurationConsumer, ConfigurationObject, JsonObject, Logger } from '../../lib/contract.ts'
import { onCleanUp } from '../helpers/clean-up.ts'

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly details: object
}

/** A logger that keeps its lines. */
export function recordingLog(): Logger & { readonly lines: LogLine[]; of(level: string): string[] } {
  const lines: LogLine[] = []
  const at =
    (level: string) =>
    (details: object, message = '') => {
      lines.push({ level, message, details })
    }
  return {
    lines,
    of: (level) => lines.filter((line) => line.level === level).map(({ message }) => message),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}

/** A consumer that keeps every set it was given. */
export class Recorder implements ConfigurationConsumer {
  readonly factoryPid: string
  readonly sets: (readonly ConfigurationObject[])[] = []
  /** Runs inside `apply`. */
  onApply: (objects: readonly ConfigurationObject[]) => void | Promise<void> = () => undefined
  faultsOf: (content: JsonObject) => string[] = () => []

  constructor(factoryPid = 'external.idm') {
    this.factoryPid = factoryPid
  }

  validate(_id: string, content: JsonObject): string[] {
    return this.faultsOf(content)
  }

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    await this.onApply(objects)
    this.sets.push(objects)
  }

  get latest(): readonly ConfigurationObject[] {
    return this.sets.at(-1) ?? []
  }

  get ids(): string[] {
    return this.latest.map(({ id }) => id)
  }

  object(id: string): ConfigurationObject | undefined {
    return this.latest.find((object) => object.id === id)
  }
}

export interface Started {
  readonly directory: ConfigDirectory
  readonly consumer: Recorder
  readonly log: ReturnType<typeof recordingLog>
}

/** A directory in service with one consumer of `external.idm`; closed with the test. */
export async function startDirectory(dir: string, options: Partial<ConfigDirectoryOptions> = {}): Promise<Started> {
  const log = recordingLog()
  const directory = new ConfigDirectory({ dir, log, ...options })
  onCleanUp(() => directory.close())
  const consumer = new Recorder()
  await directory.start()
  await directory.subscribe(consumer)
  return { directory, consumer, log }
}
