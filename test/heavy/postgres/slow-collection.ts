import { setTimeout as delay } from 'node:timers/promises'
import { MemoryCollection } from '../../../lib/crest/protocol/collection.ts'
import type {
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  Resource,
  UpdateRequest,
} from '../../../lib/crest/protocol/request.ts'

/** A collection whose writes take a while. */
export class SlowCollection extends MemoryCollection {
  /** How often an object was created with each name. */
  readonly created = new Map<string, number>()
  writes = 0
  ms: number
  /** Writes wait until it resolves. */
  gate: Promise<unknown> = Promise.resolve()

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  override async create(request: CreateRequest): Promise<Resource> {
    await this.#wait()
    const created = await super.create(request)
    const name = String(created.content.userName)
    this.created.set(name, (this.created.get(name) ?? 0) + 1)
    return created
  }

  override async update(request: UpdateRequest): Promise<Resource> {
    await this.#wait()
    return super.update(request)
  }

  override async patch(request: PatchRequest): Promise<Resource> {
    await this.#wait()
    return super.patch(request)
  }

  override async delete(request: DeleteRequest): Promise<Resource> {
    await this.#wait()
    return super.delete(request)
  }

  async #wait(): Promise<void> {
    this.writes += 1
    await this.gate
    if (this.ms > 0) await delay(this.ms)
  }
}
