import type { Json, JsonObject } from '../../contract.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { describeJsonFault, duplicateMembers } from './json-fault.ts'

/**
 * Parses a configuration file.
 * @param warn receives a sentence for each duplicate member
 * @throws Error with a one-sentence message that never quotes the file, which may contain secrets
 */
export function parseConfigText(bytes: Uint8Array, warn?: (warning: string) => void): JsonObject {
  const text = decode(bytes)
  if (text.trim() === '') throw new Error('the file is empty, expected a JSON object')
  const content = parse(text)
  if (!isObject(content)) throw new Error('line 1: expected a JSON object, that is { "key": … }')
  if (warn) duplicateMembers(text, content).forEach(warn)
  return content
}

/** UTF-8 with or without a byte order mark. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('the file is not UTF-8 text')
  }
}

function parse(text: string): Json {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof RangeError) throw new Error('the file is nested too deeply')
    throw new Error(describeJsonFault(text) ?? 'the file is not valid JSON')
  }
}
