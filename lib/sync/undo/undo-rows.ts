import type { JsonObject } from '../../contract.ts'
import { parsePointer } from '../../crest/pointer.ts'
import type { PairLink } from '../../repo/links/link-store.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { fail } from '../evaluate/evaluation.ts'
import { TargetSchema } from '../read/target-schema.ts'
import { createdId, type UndoRules, undoRow } from './undo-row.ts'

/** Reads what rows of a run that is undone were about, and says what takes them back. */
export class UndoRows {
  readonly #context: RunContext
  readonly #schema: TargetSchema
  readonly #paged: ReadonlySet<string>

  constructor(context: RunContext) {
    const { parts, mapping } = context
    this.#context = context
    this.#schema = new TargetSchema(parts.connection, mapping.target)
    const paged = mapping.properties.filter(({ relationship }) => relationship?.paged)
    this.#paged = new Set(paged.map(({ target }) => target[0] ?? ''))
  }

  /** The rows that take these back, by the keys of these; undefined = everything is as it was before. */
  async of(done: readonly Row[]): Promise<Map<number, Row | undefined>> {
    const { links, parts, clientIds } = this.#context
    const { hidden, computed } = await this.#schema.properties()
    const choosesIds = clientIds.areKept === false
    const deletesCreated = parts.options.undo?.deletesCreated ?? false
    const rules: UndoRules = { links, hidden, computed, deletesCreated, choosesIds }
    const [present, targets] = [await this.#links(done), await this.#targets(done)]
    return new Map(
      done.map((row) => {
        const { sourceId, after } = row
        const id = targetOf(row)
        const [sources, ends] = [keys(sourceId, after?.unlinked?.sourceKey), keys(id, after?.unlinked?.targetKey)]
        const own = present.filter(
          ({ sourceKey, targetKey }) =>
            sources.some((key) => links.sourceKey(key) === sourceKey) ||
            ends.some((key) => links.targetKey(key) === targetKey),
        )
        const target = id === null ? null : targets.get(id)
        if (target instanceof Error) return [row.key, unreadable(row, target)]
        return [row.key, undoRow(row, { target: target ?? null, links: own }, rules)]
      }),
    )
  }

  async #links(done: readonly Row[]): Promise<PairLink[]> {
    const { links } = this.#context
    const sources = done.flatMap(({ sourceId, after }) => keys(sourceId, after?.unlinked?.sourceKey))
    const targets = done.flatMap((row) => keys(targetOf(row), row.after?.unlinked?.targetKey))
    const found = [
      ...(await links.bySources([...new Set(sources.map((key) => links.sourceKey(key)))])),
      ...(await links.byTargets([...new Set(targets.map((key) => links.targetKey(key)))])),
    ]
    return [...new Map(found.map((link) => [link.id, link])).values()]
  }

  /** The whole targets; one that is not found is proven to be absent. */
  async #targets(done: readonly Row[]): Promise<Map<string, JsonObject | Error>> {
    const { targets } = this.#context
    const about = done.filter(({ action }) => action === 'CREATE' || action === 'UPDATE' || action === 'DELETE')
    const ids = [...new Set(about.flatMap((row) => targetOf(row) ?? []))]
    const found = new Map<string, JsonObject | Error>(await targets.whole(ids, 'targetObjectQuery'))
    for (const id of ids) {
      if (found.has(id)) continue
      try {
        if (await targets.isAbsent(id)) continue
        const object = (await targets.whole([id], 'targetObjectQuery')).get(id)
        if (object) found.set(id, object)
      } catch (error) {
        found.set(id, error as Error)
      }
    }
    for (const row of about) await this.#addPages(row, found.get(targetOf(row) ?? ''))
    return found
  }

  /** Adds the edges of relationships that objects do not show. */
  async #addPages({ before, changes }: Row, target: JsonObject | Error | undefined): Promise<void> {
    if (!target || target instanceof Error) return
    const fields = (before?.changes ?? changes ?? []).map(({ field }) => parsePointer(field)[0] ?? '')
    for (const name of fields.filter((one) => this.#paged.has(one))) {
      const edges: JsonObject[] = []
      for await (const page of this.#context.targets.edges(String(target._id), name)) edges.push(...page)
      target[name] = edges
    }
  }
}

const targetOf = (row: Row): string | null => (row.action === 'CREATE' ? createdId(row) : row.targetId)

const keys = (...given: readonly (string | null | undefined)[]): string[] =>
  given.filter((key) => key !== null && key !== undefined)

function unreadable(done: Row, error: Error): Row {
  const row = { ...undoRow({ ...done, status: 'UNKNOWN' }, { target: null, links: [] }, NO_RULES) } as Row
  fail(row, error)
  return row
}

const NO_RULES: UndoRules = {
  links: { sourceKey: (id) => id, targetKey: (id) => id },
  ...{ deletesCreated: false, choosesIds: false, hidden: new Set(), computed: new Set() },
}
