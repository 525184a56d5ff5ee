/**
 * `customAuthz` of an access rule: an expression of the functions that IDM's `router-authz.js` offers. It is evaluated
 * here, never run: what is not in the tables below is unknown, and a rule whose expression is unknown grants nothing.
 */
import { type AnyNode, parseJavaScript } from '../../core/javascript.ts'
import { isObject } from '../../core/json.ts'
import type { Operation } from '../../crest/http/effective-request.ts'
import type { Identity } from './password-store.ts'

/** What an expression is about. */
export interface AuthzRequest {
  /** One reading of the path. */
  readonly path: string
  readonly operation: Operation
  /** By canonical name; undefined when a name occurs twice. */
  readonly parameters: ReadonlyMap<string, string> | undefined
  readonly caller: Identity
}

export interface CustomAuthz {
  /** The parts that cannot be evaluated here. */
  readonly unknown: readonly string[]
  grants(request: AuthzRequest): boolean
}

/** undefined = it depends on what access does not see, such as the body. */
type Value = string | number | boolean | null | undefined | Value[] | { readonly [member: string]: Value }
type Evaluation = (request: AuthzRequest) => Value

/** @throws SyntaxError when the text is no expression */
export function parseCustomAuthz(text: string): CustomAuthz {
  const [statement, ...others] = parseJavaScript(text).body
  if (statement?.type !== 'ExpressionStatement' || others.length > 0) throw new SyntaxError('it must be one expression')
  const unknown = new Set<string>()
  const evaluation = evaluationOf(statement.expression, (part) => {
    unknown.add(part)
    return () => undefined
  })
  return { unknown: [...unknown], grants: (request) => unknown.size === 0 && evaluation(request) === true }
}

type Refuse = (part: string) => Evaluation

function evaluationOf(node: AnyNode, refuse: Refuse): Evaluation {
  const of = (part: AnyNode) => evaluationOf(part, refuse)
  switch (node.type) {
    case 'Literal': {
      const { value } = node
      return typeof value === 'object' || typeof value === 'bigint' ? refuse('a pattern') : () => value
    }
    case 'ArrayExpression': {
      const items = node.elements.map((item) => (item ? of(item) : refuse('an empty element')))
      return (request) => items.map((item) => item(request))
    }
    case 'ObjectExpression':
      return objectOf(node.properties, refuse)
    case 'UnaryExpression':
      return node.operator === '!' ? not(of(node.argument)) : refuse(`the operator ${node.operator}`)
    case 'LogicalExpression':
      return logical(node.operator, of(node.left), of(node.right)) ?? refuse(`the operator ${node.operator}`)
    case 'BinaryExpression':
      return node.left.type === 'PrivateIdentifier'
        ? refuse('a private name')
        : (binary(node.operator, of(node.left), of(node.right)) ?? refuse(`the operator ${node.operator}`))
    case 'MemberExpression': {
      const path = pathOf(node)
      return variableOf(path) ?? refuse(path)
    }
    case 'CallExpression': {
      const name = pathOf(node.callee)
      const test = FUNCTIONS.get(name)
      const args = node.arguments.map(of)
      return test ? (request) => test(request, ...args.map((arg) => arg(request))) : refuse(`${name}()`)
    }
    default:
      return refuse(pathOf(node))
  }
}

const not =
  (operand: Evaluation): Evaluation =>
  (request) => {
    const value = operand(request)
    return typeof value === 'boolean' ? !value : undefined
  }

/** As in the logic of Kleene. */
function logical(operator: string, left: Evaluation, right: Evaluation): Evaluation | undefined {
  if (operator !== '&&' && operator !== '||') return undefined
  const decisive = operator === '||'
  return (request) => {
    const values = [left(request), right(request)]
    if (values.includes(decisive)) return decisive
    return values.every((value) => value === !decisive) ? !decisive : undefined
  }
}

function binary(operator: string, left: Evaluation, right: Evaluation): Evaluation | undefined {
  const isEquality = /^[!=]==?$/.test(operator)
  if (!isEquality && operator !== '+') return undefined
  return (request) => {
    const [one, other] = [left(request), right(request)]
    if (operator === '+') return typeof one === 'string' && typeof other === 'string' ? one + other : undefined
    if (one === undefined || typeof one !== typeof other || typeof one === 'object') return undefined
    return (one === other) === operator.startsWith('=')
  }
}

function objectOf(properties: readonly AnyNode[], refuse: Refuse): Evaluation {
  const members = properties.map((property): [string, Evaluation] => {
    const isPlain = property.type === 'Property' && !property.computed && property.kind === 'init'
    if (!isPlain) return ['', refuse('a computed member')]
    const { key, value } = property
    return [key.type === 'Literal' ? String(key.value) : pathOf(key), evaluationOf(value, refuse)]
  })
  return (request) => Object.fromEntries(members.map(([name, value]) => [name, value(request)]))
}

/** `context.security.authenticationId`; for anything else the kind of syntax. */
function pathOf(node: AnyNode): string {
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression') return node.type
  const { object, property, computed } = node
  const name = computed && property.type === 'Literal' ? String(property.value) : pathOf(property)
  return computed && property.type !== 'Literal' ? 'a computed member' : `${pathOf(object)}.${name}`
}

const VARIABLES: ReadonlyMap<string, Evaluation> = new Map<string, Evaluation>([
  ['request.resourcePath', ({ path }) => path],
  ['request.method', ({ operation }) => operation.method],
  ['request.action', ({ operation }) => operation.action],
  ['request.queryId', ({ parameters }) => parameters?.get('_queryId')],
  ['context.security.authenticationId', ({ caller }) => caller.authenticationId],
  ['context.security.authorization.id', ({ caller }) => caller.authorization.id],
  ['context.security.authorization.component', ({ caller }) => caller.authorization.component],
  ['context.caller.external', () => true],
  ['context.current.name', () => 'security'],
])

const PARAMETER = 'request.additionalParameters.'

function variableOf(path: string): Evaluation | undefined {
  if (!path.startsWith(PARAMETER)) return VARIABLES.get(path)
  const name = path.slice(PARAMETER.length)
  return ({ parameters }) => parameters?.get(name)
}

type Test = (request: AuthzRequest, ...args: readonly Value[]) => Value

/** The caller's own object. */
const ownPath = ({ caller: { authorization } }: AuthzRequest): string =>
  `${authorization.component}/${authorization.id.replaceAll('/', '%2F')}`

/** This gateway has no workflows, no self-service and keeps no relationships. */
const never: Test = () => false

/** Requests whose changed properties only the body tells. */
const unlessWriting: Test = ({ operation: { method, action } }) => {
  const isWriting = ['create', 'update', 'patch'].includes(method) || action?.toLowerCase() === 'patch'
  return isWriting ? undefined : true
}

const FUNCTIONS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['ownDataOnly', (request) => request.path === ownPath(request)],
  [
    'ownRelationshipCollection',
    (request, allowed) => {
      const [own, name] = [request.path.slice(0, ownPath(request).length + 1), request.path.split('/').at(-1)]
      const isDirect = own === `${ownPath(request)}/` && own + name === request.path
      return isDirect && Array.isArray(allowed) && allowed.includes(name)
    },
  ],
  [
    'isQueryOneOf',
    ({ path, operation, parameters }, allowed) => {
      const queries = isObject(allowed) && Object.hasOwn(allowed, path) ? (allowed as Record<string, Value>)[path] : []
      return operation.method === 'query' && Array.isArray(queries) && queries.includes(parameters?.get('_queryId'))
    },
  ],
  ['disallowQueryExpression', ({ parameters }) => parameters && !parameters.has('_queryExpression')],
  ['disallowCommandAction', ({ operation }) => operation.action?.toLowerCase() !== 'command'],
  ['onlyEditableManagedObjectProperties', unlessWriting],
  ['managedUserRestrictedToAllowedProperties', unlessWriting],
  ['reauthIfProtectedAttributeChange', unlessWriting],
  ...[
    'canUpdateTask',
    'checkIfAnyFeatureEnabled',
    'checkIfProgressiveProfileIsEnabled',
    'checkIfUIIsEnabled',
    'isAllowedToStartProcess',
    'isMyTask',
    'isOneOfMyWorkflows',
    'isSelfServiceRequest',
    'ownIDP',
    'ownRelationship',
    'ownRelationshipProperty',
  ].map((name): [string, Test] => [name, never]),
])

/** Functions that cannot be evaluated for requests that write. */
export const NEEDS_BODY =
  /\b(?:onlyEditableManagedObjectProperties|managedUserRestrictedToAllowedProperties|reauthIfProtectedAttributeChange)\b/
