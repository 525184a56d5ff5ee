import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'

/** One write of a user: the name that it is to have, null when it is to be deleted. */
export interface Step {
  readonly id: string
  readonly sn: string | null
  /** Whether it was acknowledged, or is only begun. */
  readonly isDone: boolean
}

/** What must be there after all that writers have said, and what may be there. */
export class WrittenUsers {
  readonly #done = new Map<string, string | null>()
  readonly #begun = new Map<string, string | null>()
  acknowledged = 0

  /** @param output of a writer; its last line may be cut short */
  add(output: string): void {
    for (const line of output.split('\n').slice(0, -1)) {
      const { id, sn, isDone } = JSON.parse(line) as Step
      if (isDone) this.acknowledged += 1
      if (isDone) this.#begun.delete(id)
      const steps = isDone ? this.#done : this.#begun
      steps.set(id, sn)
    }
  }

  /** Compares with what is there: an acknowledged write counts, one that was cut off counts wholly or not at all. */
  check(users: readonly JsonObject[]): void {
    const found = new Map(users.map(({ _id, sn }) => [String(_id), String(sn)]))
    for (const [id, sn] of this.#done) {
      const allowed = [sn, ...(this.#begun.has(id) ? [this.#begun.get(id) ?? null] : [])]
      assert.ok(allowed.includes(found.get(id) ?? null), `${id} is ${found.get(id)}, not ${allowed.join(' or ')}`)
    }
    for (const id of found.keys()) assert.ok(this.#done.has(id) || this.#begun.has(id), `${id} was never written`)
  }
}
