import type { Json, JsonObject } from '../../contract.ts'
import { decimalOf } from '../../core/decimal.ts'
import { isObject, mayHoldLongNumbers, setMember } from '../../core/json.ts'
import { isLongNumber, isNumber, type LongNumber, textOf, toDouble } from '../../core/long-number.ts'
import { badRequest } from '../../crest/errors.ts'
import { type Pointer, parsePointer, printPointer } from '../../crest/pointer.ts'

export interface GivenToRun {
  readonly variables: JsonObject
  readonly request?: JsonObject
  /** Further members, without numbers to keep. */
  readonly [more: string]: unknown
}

/** The place of a number. */
interface Place {
  /** Absent for a resource, which all runs of the job share. */
  readonly run?: number
  /** A variable of the run, or a resource; empty for a value that has no name. */
  readonly root: string
  /** The `_id` of the innermost object with one around it. */
  readonly id?: string
  /** Relative to that object, else to the root. */
  readonly pointer: Pointer
}

interface Noted {
  readonly run: number | undefined
  readonly root: string
  readonly id: string | undefined
  readonly pointer: string
  readonly number: number | LongNumber
  /** The version of its root: a resource that is read again is another object. */
  readonly version: number
}

/**
 * Keeps the long numbers of one job, since QuickJS only has doubles. Numbers that a script leaves unchanged or passes on get
 * their digits back, identified by their place and their double. Nothing is kept for texts without such numbers.
 */
export class KeptNumbers {
  readonly #byDouble = new Map<number, Noted[]>()
  readonly #versions = new Map<string, number>()
  /** The doubles that stand for a long number, among others. */
  readonly #ambiguous = new Set<number>()

  /** The JSON of the input of run number `run`. */
  textOfRun(run: number, given: GivenToRun): string {
    const { variables, request } = given
    return this.#textOf(given, () => {
      for (const [root, value] of Object.entries(variables)) this.#note({ run, root, pointer: [] }, value)
      if (request) this.#note({ run, root: 'request', pointer: [] }, request)
    })
  }

  /** The JSON of the answer to a call. */
  textOfReply(call: string, args: readonly Json[], value: Json): string {
    const resources = resourcesIn(call, String(args[0]), value)
    for (const [root] of resources) this.#versions.set(root, (this.#versions.get(root) ?? 0) + 1)
    return this.#textOf({ value }, () => {
      for (const [root, content] of resources) this.#note({ root, pointer: [] }, content)
    })
  }

  /** Restores the digits in the arguments of a call. @throws badRequest see #find */
  inArguments(call: string, args: readonly Json[]): Json[] {
    if (this.#ambiguous.size === 0) return [...args]
    const root = String(args[0])
    return args.map((value, index) =>
      call === 'patch' && index === 2 ? this.#inPatch(root, value) : this.#restored({ root, pointer: [] }, value),
    )
  }

  /** Restores the digits in the value of run number `run`. @throws badRequest */
  inValue(run: number, value: Json): Json {
    return this.#ambiguous.size > 0 ? this.#restored({ run, root: '', pointer: [] }, value) : value
  }

  /** Restores the digits in the variables of a run. @throws badRequest */
  inVariables(run: number, variables: JsonObject): JsonObject {
    if (this.#ambiguous.size === 0) return variables
    return mapMembers(variables, (root, value) => this.#restored({ run, root, pointer: [] }, value))
  }

  #textOf(value: object, note: () => void): string {
    const text = JSON.stringify(value)
    if (!mayHoldLongNumbers(text)) return text
    note()
    return JSON.stringify(value, (_name, inner) => (isLongNumber(inner) ? sandboxed(inner) : inner))
  }

  #note(place: Place, value: Json): void {
    if (isNumber(value)) this.#noteNumber(place, value)
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) this.#note(below(place, index), item)
    else if (isObject(value))
      for (const [name, item] of Object.entries(value)) this.#note(below(within(place, value), name), item)
  }

  #noteNumber({ run, root, id, pointer }: Place, number: number | LongNumber): void {
    const double = sandboxed(number)
    const version = this.#versions.get(root) ?? 0
    const noted = { run, root, id, pointer: printPointer(pointer), number, version }
    const others = this.#byDouble.get(double)
    if (others) others.push(noted)
    else this.#byDouble.set(double, [noted])
    if (isLongNumber(number)) this.#ambiguous.add(double)
  }

  /** The place of the value of an operation is its field. */
  #inPatch(root: string, operations: Json): Json {
    if (!Array.isArray(operations)) return operations
    return operations.map((operation) => {
      if (!isObject(operation) || typeof operation.field !== 'string') return operation
      const pointer = pointerOr(operation.field, [])
      return mapMembers(operation, (name, value) =>
        name === 'value' ? this.#restored({ root, pointer }, value) : value,
      )
    })
  }

  #restored(place: Place, value: Json): Json {
    if (typeof value === 'number') return this.#find(place, value)
    if (Array.isArray(value)) return value.map((item, index) => this.#restored(below(place, index), item))
    if (!isObject(value)) return value
    return mapMembers(value, (name, item) => this.#restored(below(within(place, value), name), item))
  }

  /**
   * The number that a double stands for: the one at its place in its object or root, else the only one at that place of
   * another object, else, if the double has so many digits that it cannot be another number, the only one.
   * @throws badRequest where it is ambiguous: a guess might be wrong
   */
  #find({ run, root, id, pointer }: Place, double: number): number | LongNumber {
    if (!this.#ambiguous.has(double)) return double
    const known = (this.#byDouble.get(double) ?? []).filter((noted) => this.#isCurrent(noted, run))
    if (!known.some(({ number }) => isLongNumber(number))) return double
    const field = printPointer(pointer)
    const alike = known.filter((noted) => noted.pointer === field)
    const ofRoot = alike.filter((noted) => noted.root === root)
    const ofObject = id === undefined ? [] : alike.filter((noted) => noted.id === id)
    const own = [ofObject.filter((noted) => noted.root === root), ofObject, ofRoot].find(({ length }) => length > 0)
    if (own) return onlyOne(own, field)
    if (decimalOf(String(double)).digits.length >= UNAMBIGUOUS_DIGITS)
      return onlyOne(alike.length > 0 ? alike : known, field)
    const isOther = id !== undefined || this.#versions.has(root)
    return isOther || alike.length === 0 ? double : onlyOne(alike, field)
  }

  #isCurrent(noted: Noted, run: number | undefined): boolean {
    if (noted.run !== undefined) return run === undefined || noted.run === run
    return noted.version === this.#versions.get(noted.root)
  }
}

/**
 * A double with fewer significant digits may be another number, such as `1` or `0.1`. All others are noted, since their text
 * is long enough for `mayHoldLongNumbers`.
 */
const UNAMBIGUOUS_DIGITS = 16

function onlyOne(meant: readonly Noted[], field: string): number | LongNumber {
  const numbers = new Map(meant.map(({ number }) => [textOf(number), number]))
  const [[, number = 0] = []] = numbers
  if (numbers.size <= 1) return number
  const texts = [...numbers.keys()].slice(0, 3).join(' from ')
  throw badRequest(`${field}: a script cannot distinguish ${texts}, which are the same double; pass them as strings`)
}

/** The number in the sandbox. JSON has no Infinity: the script would return null. */
function sandboxed(number: number | LongNumber): number {
  const double = toDouble(number)
  return Number.isFinite(double) ? double + 0 : Math.sign(double) * Number.MAX_VALUE
}

const below = ({ pointer, ...place }: Place, name: string | number): Place => ({
  ...place,
  pointer: [...pointer, String(name)],
})

/** Relative to the object when it has an id, so that it is recognized in another list. */
const within = (place: Place, { _id }: JsonObject): Place =>
  _id === undefined || _id === null ? place : { ...place, id: textOf(_id), pointer: [] }

/** The objects of an answer by name; for a query, each object of the page. */
function resourcesIn(call: string, name: string, value: Json): [name: string, content: Json][] {
  if (call === 'action') return [[`${name}?_action`, value]]
  if (isObject(value) && Array.isArray(value.result)) return value.result.map((item) => [nameOf(name, item), item])
  return [[nameOf(name, value), value]]
}

/** The path of an object, whether the request was for it or for its collection. */
function nameOf(asked: string, value: Json): string {
  if (!isObject(value) || value._id === undefined) return asked
  const id = textOf(value._id)
  return asked.endsWith(`/${id}`) ? asked : `${asked}/${id}`
}

function pointerOr(field: string, otherwise: Pointer): Pointer {
  try {
    return parsePointer(field)
  } catch {
    return otherwise
  }
}

function mapMembers(object: JsonObject, change: (name: string, value: Json) => Json): JsonObject {
  const changed: JsonObject = {}
  for (const [name, value] of Object.entries(object)) setMember(changed, name, change(name, value))
  return changed
}
