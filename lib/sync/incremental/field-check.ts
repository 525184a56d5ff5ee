import type { JsonObject } from '../../contract.ts'
import { conflict, ResourceException } from '../../crest/errors.ts'
import { printQueryFilter, type QueryFilter } from '../../crest/filter/query-filter.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import { printTime, type TimeForm, timeFormOf } from './time-form.ts'

/** The first objects of the source that match a filter, with nothing but the field of changes. */
export type FirstObjects = (filter: string, count: number) => Promise<readonly JsonObject[]>

/** How many objects show in which form the field holds times. */
const SAMPLES = 10

const FAR_FUTURE = Date.UTC(9998, 0, 1)

/**
 * Proves that a field filters. Some remotes answer a filter by a field that cannot be searched with nothing, others with
 * everything: either would make changes invisible.
 * @param source its path, for messages
 * @returns the form of the times in it
 * @throws conflict that says what was found
 */
export async function checkField(source: string, field: Pointer, first: FirstObjects): Promise<TimeForm> {
  const name = printPointer(field).slice(1)
  const refused = (what: string) =>
    conflict(
      `incremental.changedField: ${name} of ${source} does not show what changed: ${what}. ` +
        'Name a field that holds when an object was last changed and that the source can search',
    )
  const find = async (filter: QueryFilter, count: number) => {
    const text = printQueryFilter(filter)
    try {
      return { text, found: await first(text, count) }
    } catch (error) {
      if (!(error instanceof ResourceException) || ![400, 403, 404, 500, 501].includes(error.code)) throw error
      throw refused(`the filter ${text} was answered with ${error.code} (${error.message})`)
    }
  }
  const present = await find({ operator: 'pr', field }, SAMPLES)
  if (present.found.length === 0) {
    const all = await find({ operator: 'literal', value: true }, 1)
    if (all.found.length === 0) throw conflict(`incremental.changedField: ${source} has no objects, ${RUN_IN_FULL}`)
    throw refused(`the filter ${present.text} finds no object`)
  }
  const values = present.found.map((object) => getAt(object, field))
  const forms = values.map(timeFormOf)
  const [form] = forms
  const odd = forms.findIndex((one) => one?.zone !== form?.zone || one === undefined)
  if (form === undefined || odd >= 0) throw refused(`it holds ${shown(values[odd])}, where ${TIMES}`)
  const sample = await find({ operator: 'ge', field, value: String(values[0]) }, 1)
  if (sample.found.length === 0) throw refused(`the filter ${sample.text} finds no object, although one has that value`)
  const future = await find({ operator: 'gt', field, value: printTime(FAR_FUTURE, form) }, 1)
  if (future.found.length > 0) throw refused(`the filter ${future.text} finds objects`)
  return form
}

const RUN_IN_FULL =
  'so that nothing shows whether it finds changes. A run without --changed tells what that means for the target'

const TIMES = 'times in ISO 8601 and UTC are needed, all in one form, such as "2026-01-31T06:00:00.000Z"'

const MAX_SHOWN = 40

/** A value in a message, cut to the length of a time. */
const shown = (value: unknown): string =>
  value === undefined || value === null
    ? 'a value that the answer does not show'
    : typeof value === 'string' || typeof value === 'number'
      ? JSON.stringify(value).slice(0, MAX_SHOWN)
      : 'something that is no text'
