import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../lib/contract.ts'
import { notFound } from '../../../lib/crest/errors.ts'
import { isUser, type Switches } from './options.ts'
import type { EdgePlan, ObjectName, Relationships } from './relationships.ts'

/** One object. `content` excludes identity and relationships; it includes fields that are never returned. */
export interface Entry {
  readonly id: string
  readonly revision: string | null
  readonly content: JsonObject
}

/** Objects by collection, in creation order, and the edges between them. */
export class Store {
  readonly switches: Switches
  readonly relationships: Relationships
  readonly #collections = new Map<string, Map<string, Entry>>()

  constructor(switches: Switches, relationships: Relationships) {
    this.switches = switches
    this.relationships = relationships
  }

  get collections(): string[] {
    return [...this.#collections.keys()]
  }

  /** The entries of a collection; creates the collection when it is missing. */
  collection(path: string): Map<string, Entry> {
    const entries = this.#collections.get(path) ?? new Map<string, Entry>()
    this.#collections.set(path, entries)
    return entries
  }

  clear(): void {
    for (const entries of this.#collections.values()) entries.clear()
    this.relationships.clear()
  }

  find({ collection, id }: ObjectName): Entry | undefined {
    return this.#collections.get(collection)?.get(id)
  }

  /** @throws notFound */
  get(name: ObjectName): Entry {
    const entry = this.find(name)
    if (!entry) throw notFound(`Object ${name.id} not found in ${name.collection}`)
    return entry
  }

  readonly exists = (name: ObjectName): boolean => this.find(name) !== undefined

  /** Stores content with the next revision. */
  put({ collection, id }: ObjectName, content: JsonObject): Entry {
    const entries = this.collection(collection)
    const entry = { id, revision: this.#next(entries.get(id)?.revision), content }
    entries.set(id, entry)
    return entry
  }

  delete(name: ObjectName): void {
    for (const field of this.relationships.ends(name.collection))
      this.changeEdges(name, field, { removed: this.relationships.edges(name, field), added: [] })
    this.collection(name.collection).delete(name.id)
  }

  /** Changes the id only: content, edges and position stay. */
  rename(name: ObjectName, id: string): Entry {
    const entries = [...this.collection(name.collection)]
    const entry = { ...this.get(name), id }
    const collection = this.collection(name.collection)
    collection.clear()
    for (const [key, value] of entries) collection.set(key === name.id ? id : key, key === name.id ? entry : value)
    for (const edge of this.relationships.edgesOf(name)) {
      this.relationships.unlink(edge)
      const ids = edge.ids.map((old, side) =>
        old === name.id && edge.ends[side as 0 | 1].collection === name.collection ? id : old,
      )
      this.relationships.link({ ...edge, ids: [ids[0] ?? '', ids[1] ?? ''] })
    }
    return entry
  }

  /** The revision of a user at the far end moves, and so do the revisions of its edges. */
  changeEdges(name: ObjectName, field: string, { removed, added }: EdgePlan): void {
    for (const edge of removed) this.relationships.unlink(edge)
    const changed = [...removed, ...added.map((addition) => this.relationships.link(addition))]
    for (const edge of changed) {
      const far = this.relationships.far(edge, name, field)
      if (!isUser(far.collection)) continue
      for (const other of this.relationships.edgesOf(far)) other.revision += 1
      const entry = this.find(far)
      if (entry) this.put(far, entry.content)
    }
  }

  #next(previous: string | null | undefined): string | null {
    const { revisions } = this.switches
    if (revisions === 'none') return null
    return revisions === 'counter' ? String(Number(previous ?? 0) + 1) : `${randomUUID()}-${randomUUID().slice(0, 8)}`
  }
}
