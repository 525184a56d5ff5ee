import { SerialQueue } from '../../core/serial-queue.ts'
import type { RunStore } from '../../repo/runs/run-store.ts'

export interface KnownIds {
  /** null = not known yet. */
  readonly areKept: boolean | null
  readonly wereKept: boolean
}

/** Whether a target takes the ids that objects are created with. */
export class ClientIds {
  /** undefined = not known yet. */
  areKept: boolean | undefined
  /** Objects that earlier requests created have the ids that they were created with. */
  wereKept = false
  /** Creations before that is known: one at a time, so that at most one remains in doubt. */
  readonly probes = new SerialQueue()

  /** Whether a creation can be sent again with its id, since an object that has been created has that id. */
  get mayRepeat(): boolean {
    return this.areKept ?? this.wereKept
  }

  /** What is known, for another node. */
  get known(): KnownIds {
    const { areKept = null, wereKept } = this
    return { areKept, wereKept }
  }

  /** Takes over what another node has found. */
  learn({ areKept, wereKept }: KnownIds): void {
    this.areKept = areKept ?? this.areKept
    this.wereKept ||= wereKept
  }

  /** As `load` reads it. */
  toJSON(): 'kept' | 'refused' | undefined {
    if (this.areKept === undefined) return this.wereKept ? 'kept' : undefined
    return this.areKept ? 'kept' : 'refused'
  }

  /** Takes over what earlier runs of the mapping found. */
  async load(runs: RunStore, mapping: string, target: string): Promise<void> {
    const own = (await runs.all()).filter(({ mapping: name, resume }) => name === mapping && resume?.target === target)
    if (own.some(({ content }) => content.clientIds === 'refused')) this.areKept = false
    this.wereKept = own.some(({ content }) => content.clientIds === 'kept')
  }
}
