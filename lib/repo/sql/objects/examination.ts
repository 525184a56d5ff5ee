import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import type { Work } from '../statements/work.ts'
import type { Ordering, Place } from './ordering.ts'
import type { Window } from './windows.ts'

/** An object that satisfies the filter; its content is fetched only when it is on the page. */
export interface Found extends Place {
  readonly key: number
  readonly revision: string
}

export interface ExaminationOptions {
  readonly type: string
  readonly filter: QueryFilter
  /** undefined = in the order the objects were made, with no keys. */
  readonly ordering: Ordering | undefined
}

/** Judges the objects of windows: in the database if that knows how IDM compares, else in this process. */
export interface Examination {
  find(window: Window): Work<Found[]>
  count(window: Window): Work<number>
  /** Nothing is asked any more. */
  end(): void
}

export type Examine = (options: ExaminationOptions) => Examination
