import type { JsonObject } from '../../contract.ts'
import type { Pointer } from '../../crest/pointer.ts'
import { WriteRecorder } from '../../crest/protocol/recorder.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type { Mapping, Property } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import { selectedFields } from '../read/selected-fields.ts'
import { type AgreedRecord, agreeable, fieldOf, followers, leavesOfProperty, type Sides } from './agreement-records.ts'
import { isPrefix, Mapper } from './mapper.ts'

/** A write of a mapping, as the opposite mapping sees it. */
export interface SeenWrite {
  /** The target before and after it. */
  readonly before: JsonObject
  readonly after: JsonObject
  readonly source: JsonObject
  /** Fields of the target. */
  readonly written: readonly Pointer[]
  readonly qualifier: string
}

type Seen = Pick<SeenWrite, 'after' | 'source' | 'qualifier'>

/** What a write of a mapping means for the opposite one: what it brings there must not come back as a change. */
export class OppositeSide {
  readonly mapping: Mapping
  readonly #own: readonly Property[]
  readonly #properties: readonly Property[]
  readonly #mapper: Mapper
  /** Writes of its transforms are discarded. */
  readonly #recorder = () => new WriteRecorder(new Set())

  constructor(mapping: Mapping, opposite: Mapping, scripts: Scripts) {
    this.mapping = opposite
    this.#own = agreeable(mapping)
    this.#mapper = new Mapper(opposite, scripts)
    const sees = {
      source: selectedFields(mapping, 'source').isWhole,
      target: selectedFields(mapping, 'target').isWhole,
    }
    this.#properties = agreeable(opposite).filter(
      ({ source = [], target }) =>
        (sees.source || this.#own.some((one) => isPrefix(one.source ?? [], target))) &&
        (sees.target || this.#own.some((one) => isPrefix(one.target, source))),
    )
  }

  /**
   * What the opposite mapping makes of targets, and what it would write to. Undefined where it fails.
   * @param seen targets and sources of the mapping
   */
  async views(seen: readonly Seen[]): Promise<(Sides | undefined)[]> {
    const mapped = await this.#mapper.map(
      seen.map(({ after, source, qualifier }) => {
        return { source: after, onto: withoutIdentity(source), linkQualifier: qualifier, recorder: this.#recorder() }
      }),
    )
    return seen.map(({ source }, index) => {
      const wanted = mapped[index]
      return wanted === undefined || wanted instanceof Error ? undefined : { wanted, shown: source }
    })
  }

  agreeWhereSame(record: AgreedRecord, sides: Sides | undefined): void {
    if (!sides) return
    for (const property of this.#properties)
      record.agreeWhereSame(fieldOf(property), ...leavesOfProperty(property, sides))
  }

  /**
   * Collects what the opposite mapping agrees on after a write: values that are the same, and values that follow from
   * fields that were written.
   */
  async follow(record: AgreedRecord, write: SeenWrite, what: 'agreed' | 'awaited'): Promise<void> {
    const { sure, open } = followers(this.#own, this.#properties, write.written)
    const [sides, earlier] = await this.views([write, { ...write, after: write.before }])
    if (!sides) return
    const following = [...sure, ...open.filter((property) => earlier && record.changesWith(property, earlier, sides))]
    for (const property of following) {
      const [field, leaves] = [fieldOf(property), leavesOfProperty(property, sides)] as const
      if (what === 'agreed') record.agree(field, ...leaves)
      else record.await(field, field, ...leaves, 'wanted')
    }
    if (what === 'agreed') this.agreeWhereSame(record, sides)
  }

  /** Both sides stay as they are after a write. */
  async settle(record: AgreedRecord, write: SeenWrite): Promise<void> {
    const { sure, open } = followers(this.#own, this.#properties, write.written)
    const [sides] = await this.views([write])
    if (!sides) return
    for (const property of [...sure, ...open]) record.agree(fieldOf(property), ...leavesOfProperty(property, sides))
  }
}
