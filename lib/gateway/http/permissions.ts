/** `GET /openidm/?_allowed=…`: which of these requests the access rules in force allow the caller. */
import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import { type EffectiveRequest, effectiveRequestOf, type Operation } from '../../crest/http/effective-request.ts'
import { type RequestPath, requestPathOf } from '../../crest/http/request-path.ts'
import { decodeValue, type QueryPair, queryPairs } from '../../crest/protocol/request-parameters.ts'
import { RESERVED_PARAMETERS } from '../../crest/protocol/reserved-parameters.ts'
import { isAllowed } from '../access/access.ts'
import type { AccessRule } from '../access/access-rules.ts'
import { recordOf } from './request-record.ts'

const PARAMETER = '_allowed'
const MAX_QUESTIONS = 100

const QUESTION_FORM =
  'must be an operation, a blank and a path, such as "read recon/ID" or "action recon/ID?_action=approve"'

export type MayUse = (path: RequestPath, operation: Operation, parameters?: readonly QueryPair[]) => boolean

/** Judges requests of the caller as if they were sent now. */
export function judgeOf(request: IncomingMessage, rules: readonly AccessRule[]): MayUse {
  const { identity } = recordOf(request)
  const roles = identity?.authorization.roles ?? []
  return (path, operation, parameters) =>
    isAllowed(rules, roles, { path, operations: [operation], ...(parameters && { parameters }) }, identity)
}

export const asksForPermissions = ({ parameters }: EffectiveRequest): boolean =>
  parameters.some(({ name }) => name === PARAMETER)

/**
 * The answer to each question, by the question.
 * @throws ResourceException 400 for too many questions, or one that is none
 */
export function permissions(request: IncomingMessage, rules: readonly AccessRule[]): JsonObject {
  const questions = effectiveRequestOf(request)
    .parameters.filter(({ name }) => name === PARAMETER)
    .map(decodeValue)
  if (questions.length > MAX_QUESTIONS) throw badRequest(`${PARAMETER} may be asked ${MAX_QUESTIONS} times at most`)
  const mayUse = judgeOf(request, rules)
  return { allowed: Object.fromEntries(questions.map((question) => [question, answerTo(question, mayUse)])) }
}

function answerTo(question: string, mayUse: MayUse): boolean {
  const [, method = '', target = '', query = ''] = /^(\w+) ([^?]*)(?:\?(.*))?$/s.exec(question) ?? []
  if (!isMethod(method)) throw badRequest(`${PARAMETER} ${QUESTION_FORM}`)
  const parameters = queryPairs(query)
  const action = parameters.find(({ name }) => name === '_action')
  if ((method === 'action') !== (action !== undefined)) throw badRequest(`${PARAMETER} ${QUESTION_FORM}`)
  const path = pathOf(target)
  const operation = { method, ...(action && { action: decodeValue(action) }) }
  return path !== undefined && mayUse(path, operation, parameters)
}

/** @returns undefined for a path that no request may have: one question must not spoil the others */
function pathOf(target: string): RequestPath | undefined {
  try {
    return requestPathOf(`/${target}`)
  } catch {
    return undefined
  }
}

const isMethod = (word: string): word is Operation['method'] => Object.hasOwn(RESERVED_PARAMETERS, word)
