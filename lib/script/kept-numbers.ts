import type { Json, JsonObject } from '../contract.ts'
import { badRequest } from '../crest/errors.ts'
import { type Pointer, parsePointer, printPointer } from '../crest/pointer.ts'
import { decimalOf } from '../util/decimal.ts'
import { isObject, mayHoldLongNumbers, setMember } from '../util/json.ts'
import { isLongNumber, isNumber, type LongNumber, textOf, toDouble } from '../util/long-number.ts'

export interface GivenToRun {
  readonly variables: JsonObject
  readonly request?: JsonObject
  /** What stands in no variable. */
  readonly [more: string]: unknown
}

/** Where a number stands: in which variable of which run of a job, or in which resource. */
interface Place {
  /** Absent for a resource, which all runs of the job share. */
  readonly run?: number
  readonly root: string
  readonly pointer: Pointer
}

interface Noted {
  readonly run: number | undefined
  readonly root: string
  readonly pointer: string
  readonly number: number | LongNumber
  /** Of its root: a resource that is read again is another object. */
  readonly version: number
}

/**
 * The numbers of one job that its sandbox cannot hold: QuickJS has doubles only. What a script leaves untouched or passes
 * on gets its digits back here, known by its place and its double. Of texts without such numbers nothing is kept.
 */
export class KeptNumbers {
  readonly #byDouble = new Map<number, Noted[]>()
  readonly #versions = new Map<string, number>()
  /** The doubles that stand for a long number, among others. */
  readonly #ambiguous = new Set<number>()

  /** The JSON text of what run number `run` is given. */
  textOfRun(run: number, given: GivenToRun): string {
    const { variables, request } = given
    return this.#textOf(given, () => {
      for (const [root, value] of Object.entries(variables)) this.#note({ run, root, pointer: [] }, value)
      if (request) this.#note({ run, root: 'request', pointer: [] }, request)
    })
  }

  /** The JSON text of the answer to a call. */
  textOfReply(args: readonly Json[], value: Json): string {
    const resources = resourcesIn(String(args[0]), value)
    for (const [root] of resources) this.#versions.set(root, (this.#versions.get(root) ?? 0) + 1)
    return this.#textOf({ value }, () => {
      for (const [root, content] of resources) this.#note({ root, pointer: [] }, content)
    })
  }

  /** What a script hands to a call, with the digits that it was given. @throws badRequest see #find */
  inArguments(name: string, args: readonly Json[]): Json[] {
    if (this.#ambiguous.size === 0) return [...args]
    const root = String(args[0])
    return args.map((value, index) =>
      name === 'patch' && index === 2 ? this.#inPatch(root, value) : this.#restored({ root, pointer: [] }, value),
    )
  }

  /** The value of run number `run`. @throws badRequest */
  inValue(run: number, value: Json): Json {
    return this.#ambiguous.size > 0 ? this.#restored({ run, root: '', pointer: [] }, value) : value
  }

  /** The variables that a run has left. @throws badRequest */
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
    else if (isObject(value)) for (const [name, item] of Object.entries(value)) this.#note(below(place, name), item)
  }

  #noteNumber({ run, root, pointer }: Place, number: number | LongNumber): void {
    const double = sandboxed(number)
    const version = this.#versions.get(root) ?? 0
    const noted = { run, root, pointer: printPointer(pointer), number, version }
    const others = this.#byDouble.get(double)
    if (others) others.push(noted)
    else this.#byDouble.set(double, [noted])
    if (isLongNumber(number)) this.#ambiguous.add(double)
  }

  /** Operations are about the field that they name. */
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
    return isObject(value) ? mapMembers(value, (name, item) => this.#restored(below(place, name), item)) : value
  }

  /**
   * The number that a double stands for: the one at its place, else the only one at that place of another object, else,
   * if the double has so many digits that no other can be meant, the only one.
   * @throws badRequest where several numbers can be meant: any choice might be a wrong one
   */
  #find({ run, root, pointer }: Place, double: number): number | LongNumber {
    if (!this.#ambiguous.has(double)) return double
    const known = (this.#byDouble.get(double) ?? []).filter((noted) => this.#isCurrent(noted, run))
    if (!known.some(({ number }) => isLongNumber(number))) return double
    const field = printPointer(pointer)
    const alike = known.filter((noted) => noted.pointer === field)
    const own = alike.find((noted) => noted.root === root)
    if (own) return own.number
    const isLong = decimalOf(String(double)).digits.length >= UNMISTAKABLE_DIGITS
    if (!isLong && this.#versions.has(root)) return double
    const meant = alike.length === 0 && isLong ? known : alike
    const texts = new Set(meant.map(({ number }) => textOf(number)))
    if (texts.size > 1)
      throw badRequest(
        `${field}: a script cannot tell ${[...texts].slice(0, 3).join(' from ')}, which are one number to it; hand them over as text`,
      )
    return meant[0]?.number ?? double
  }

  #isCurrent(noted: Noted, run: number | undefined): boolean {
    if (noted.run !== undefined) return run === undefined || noted.run === run
    return noted.version === this.#versions.get(noted.root)
  }
}

/** With fewer digits a double may be some other number: `0.1`, `1`. All of one with more are in any text for it. */
const UNMISTAKABLE_DIGITS = 16

/** The number as the sandbox has it: JSON knows no Infinity, and the script would give null back. */
function sandboxed(number: number | LongNumber): number {
  const double = toDouble(number)
  return Number.isFinite(double) ? double + 0 : Math.sign(double) * Number.MAX_VALUE
}

const below = ({ pointer, ...place }: Place, name: string | number): Place => ({
  ...place,
  pointer: [...pointer, String(name)],
})

/** The objects of an answer by name: those of a query's page one by one. */
function resourcesIn(name: string, value: Json): [name: string, content: Json][] {
  if (!isObject(value) || !Array.isArray(value.result)) return [[name, value]]
  return value.result.map((item) => [
    isObject(item) && item._id !== undefined ? `${name}/${textOf(item._id)}` : name,
    item,
  ])
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
