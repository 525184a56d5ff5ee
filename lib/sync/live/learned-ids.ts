import type { EventStore } from '../../repo/queue/event-store.ts'
import type { RunStore } from '../../repo/runs/run-store.ts'
import { ClientIds } from '../context/client-ids.ts'
import type { Mapping } from '../mapping/mapping.ts'

export interface LearnedIdsOptions {
  readonly runs: RunStore
  readonly events: Pick<EventStore, 'clientIds' | 'keepClientIds'>
}

interface Learned {
  readonly ids: ClientIds
  /** As it is on the disk. */
  kept: string | undefined
}

/** What runs and changes have learned about the ids that targets take: after a crash, it tells what may be repeated. */
export class LearnedIds {
  readonly #options: LearnedIdsOptions
  readonly #known = new Map<string, Promise<Learned>>()

  constructor(options: LearnedIdsOptions) {
    this.#options = options
  }

  async of(mapping: Pick<Mapping, 'name' | 'target'>): Promise<ClientIds> {
    return (await this.#learned(mapping)).ids
  }

  /** Keeps what was learned since, before the change that taught it ends. */
  async keep(mapping: Pick<Mapping, 'name' | 'target'>): Promise<void> {
    const learned = await this.#learned(mapping)
    const now = learned.ids.toJSON()
    if (now === undefined || now === learned.kept) return
    learned.kept = now
    await this.#options.events.keepClientIds(mapping.name, { target: mapping.target, ids: now })
  }

  #learned(mapping: Pick<Mapping, 'name' | 'target'>): Promise<Learned> {
    const place = `${mapping.name} ${mapping.target}`
    const known = this.#known.get(place)
    if (known) return known
    const loading = this.#load(mapping)
    this.#known.set(place, loading)
    // A database that could not be read is asked again.
    loading.catch(() => this.#known.delete(place))
    return loading
  }

  async #load({ name, target }: Pick<Mapping, 'name' | 'target'>): Promise<Learned> {
    const { runs, events } = this.#options
    const ids = new ClientIds()
    await ids.load(runs, name, target)
    const noted = await events.clientIds(name)
    const kept = noted?.target === target ? noted.ids : undefined
    if (kept === 'kept') ids.wereKept = true
    if (kept === 'refused') ids.areKept = false
    return { ids, kept }
  }
}
