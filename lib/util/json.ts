import type { Json, JsonObject } from '../contract.ts'

/** Member names that would reach an object's prototype (pitfall S2). */
const FORBIDDEN_MEMBERS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export const isForbiddenMember = (name: string): boolean => FORBIDDEN_MEMBERS.has(name)

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * `JSON.parse` that refuses members which would reach a prototype.
 * @throws SyntaxError with a sentence for a person
 */
export function parseJson(text: string): Json {
  return JSON.parse(text, (name, value) => {
    if (isForbiddenMember(name)) throw new SyntaxError(`the member name "${name}" is not allowed`)
    return value as Json
  })
}
