import type { RunStore } from '../../repo/runs/run-store.ts'

/** Whether a target takes the ids that objects are created with. */
export class ClientIds {
  /** undefined = not known yet. */
  areKept: boolean | undefined

  /** Takes over what an earlier run of the mapping found. */
  async load(runs: RunStore, mapping: string, target: string): Promise<void> {
    const isRefused = (await runs.all()).some(
      ({ mapping: name, content, resume }) =>
        name === mapping && content.clientIds === 'refused' && resume?.target === target,
    )
    if (isRefused) this.areKept = false
  }
}
