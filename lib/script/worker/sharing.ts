/**
 * Which scripts may run for many objects in one context.
 *
 * A separate context for each run costs several times as much as the run of a short script. But in a shared context a run
 * can see what earlier runs have left: an implicit global, a changed prototype. Therefore a script only shares a context
 * when its syntax proves that it leaves nothing: it is one expression, writes only to names that it declares, changes only
 * objects that it has made, and calls only functions that are known to change nothing else. Everything here is an
 * allow-list: unsupported syntax is not shared.
 */
import { analyze, type Reference, type Variable } from 'eslint-scope'
import {
  type AnyNode,
  type CallExpression,
  type Identifier,
  type MemberExpression,
  parseJavaScript,
} from '../../core/javascript.ts'
import {
  CALLING_METHODS,
  CHAINING_METHODS,
  CHANGING_METHODS,
  CONSTANTS,
  CONSTRUCTORS,
  COPYING_METHODS,
  FORBIDDEN,
  FUNCTIONS,
  INTRINSIC_METHODS,
  MAKING_FUNCTIONS,
  NAMESPACES,
  PACKAGES,
  READING_METHODS,
  SANDBOX_NAMES,
  SYNTAX,
  VALUES,
} from './sharing-names.ts'
import {
  childrenOf,
  computedTargets,
  isCallOf,
  isFunction,
  isTarget,
  memberName,
  nameOfKey,
  rootOf,
} from './sharing-syntax.ts'

/** Whether runs of a script leave nothing behind that a later run in the same context could find. */
export function mayShareContext(source: string): boolean {
  try {
    const program = parseJavaScript(source, { sourceType: 'script', ranges: true })
    const [statement, ...others] = program.body
    if (statement?.type !== 'ExpressionStatement' || statement.directive !== undefined || others.length > 0)
      return false
    // Both libraries use ESTree, but with different types.
    const scopes = analyze(program as Parameters<typeof analyze>[0], { ecmaVersion: 2025, sourceType: 'script' })
    const references = scopes.scopes.flatMap((scope) => scope.references)
    return new Analysis(program, references).isHarmless(statement)
  } catch {
    // A syntax error, or nesting that is too deep.
    return false
  }
}

/** A node with its ancestors, the innermost first. */
type Path = readonly [node: AnyNode, ...ancestors: AnyNode[]]

class Analysis {
  readonly #references: ReadonlyMap<unknown, Reference>
  /** Variables of objects in which a member with a computed name is set, which may be that of a method. */
  readonly #written: ReadonlySet<Variable | null | undefined>

  constructor(program: AnyNode, references: readonly Reference[]) {
    this.#references = new Map(references.map((reference) => [reference.identifier, reference]))
    this.#written = new Set(computedTargets(program).map((object) => this.#references.get(object)?.resolved))
  }

  isHarmless(node: AnyNode, ancestors: readonly AnyNode[] = []): boolean {
    if (!SYNTAX.has(node.type) || !this.#isAllowed([node, ...ancestors])) return false
    const path = [node, ...ancestors.slice(0, MAX_ANCESTORS)]
    return childrenOf(node).every((child) => this.isHarmless(child, path))
  }

  #isAllowed(path: Path): boolean {
    const [node] = path
    switch (node.type) {
      case 'Identifier':
        return this.#mayRefer(node, path)
      case 'MemberExpression':
        return this.#mayReach(node, path)
      case 'CallExpression':
        return this.#mayCall(node)
      case 'NewExpression':
        return this.#builtIn(node.callee) !== undefined
      case 'UnaryExpression':
        return node.operator !== 'delete' || node.argument.type === 'MemberExpression'
      case 'Property':
        return node.kind === 'init' && !(node.computed && node.key.type !== 'Literal') && isPlainName(nameOfKey(node))
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return !node.async && !node.generator
      case 'ForOfStatement':
        return !node.await
      default:
        return true
    }
  }

  /** Names of the script are unrestricted, its bindings are read-only, and built-ins have known uses only. */
  #mayRefer(node: Identifier, [, parent, outer]: Path): boolean {
    const reference = this.#references.get(node)
    if (!reference || reference.resolved) return true
    if (reference.isWrite()) return false
    const name = this.#builtIn(node)
    if (name === undefined || VALUES.has(name)) return true
    switch (parent?.type) {
      case 'UnaryExpression':
        return parent.operator === 'typeof'
      case 'BinaryExpression':
        return parent.operator === 'instanceof' && parent.right === node && CONSTRUCTORS.has(name)
      case 'NewExpression':
        return parent.callee === node ? CONSTRUCTORS.has(name) : false
      case 'CallExpression':
        return FUNCTIONS.has(name)
      case 'MemberExpression':
        return parent.object === node && mayTake(name, parent, outer)
      default:
        return false
    }
  }

  #mayReach(node: MemberExpression, [, parent, outer]: Path): boolean {
    const name = memberName(node)
    if (name !== undefined && FORBIDDEN.has(name)) return false
    if (isTarget(node, parent)) return this.#isOwn(node.object) && (name === undefined || isPlainName(name))
    if (PATTERNS.has(parent?.type ?? '') || (parent?.type === 'Property' && outer?.type === 'ObjectPattern'))
      return false
    const isCalled = parent?.type === 'CallExpression' && parent.callee === node
    return isCalled || name === undefined || !INTRINSIC_METHODS.has(name)
  }

  #mayCall(call: CallExpression): boolean {
    const { callee } = call
    if (isFunction(callee)) return true
    if (callee.type === 'Identifier') return this.#builtIn(callee) !== undefined || this.#isOwnFunction(callee)
    if (callee.type !== 'MemberExpression') return false
    const name = memberName(callee)
    if (name === undefined) return false
    const space = this.#builtIn(callee.object)
    if (space !== undefined) return this.#mayCallMember(space, name, call)
    if (PACKAGES.has(this.#builtIn(rootOf(callee)) ?? '')) return true
    if (CALLING_METHODS.has(name) && !call.arguments.slice(0, 1).every((given) => this.#mayBeCalled(given)))
      return false
    return READING_METHODS.has(name) || (CHANGING_METHODS.has(name) && this.#isOwnList(callee.object))
  }

  /** Checks the arguments of a function of a built-in object, whose name is checked at the object. */
  #mayCallMember(space: string, name: string, { arguments: [first, second] }: CallExpression): boolean {
    if (space === 'Object' && name === 'assign') return first?.type === 'ObjectExpression'
    const calls = space === 'JSON' || (space === 'Array' && name === 'from')
    return !calls || second === undefined || second.type === 'Literal' || this.#mayBeCalled(second)
  }

  #mayBeCalled(given: AnyNode): boolean {
    if (isFunction(given)) return true
    if (given.type !== 'Identifier') return false
    return FUNCTIONS.has(this.#builtIn(given) ?? '') || this.#isOwnFunction(given)
  }

  /** The name of a built-in; undefined for anything else, including the bindings of the script. */
  #builtIn(node: AnyNode): string | undefined {
    if (node.type !== 'Identifier' || this.#references.get(node)?.resolved) return undefined
    return node.name in globalThis || SANDBOX_NAMES.has(node.name) ? node.name : undefined
  }

  /** Whether it always refers to the same function of the script. */
  #isOwnFunction(node: Identifier): boolean {
    const variable = this.#references.get(node)?.resolved
    if (variable?.defs.length !== 1) return false
    const [definition] = variable.defs
    const writes = variable.references.filter((reference) => reference.isWrite())
    if (definition?.type === 'FunctionName') return writes.length === 0
    return definition?.type === 'Variable' && writes.length === 1 && isFunction(writes[0]?.writeExpr as AnyNode | null)
  }

  /** Whether the value can only be an object that this run has made, without an alias. */
  #isOwn(node: AnyNode): boolean {
    if (node.type !== 'Identifier') return this.#makesList(node) || this.#makesObject(node)
    return this.#holdsOnly(node, (made) => this.#makesList(made) || this.#makesObject(made))
  }

  /** Whether it is an own list whose methods have not been replaced. */
  #isOwnList(node: AnyNode): boolean {
    if (node.type !== 'Identifier') return this.#makesList(node)
    const variable = this.#references.get(node)?.resolved
    return !this.#written.has(variable) && this.#holdsOnly(node, (made) => this.#makesList(made))
  }

  #holdsOnly(node: Identifier, isMade: (value: AnyNode) => boolean): boolean {
    const variable = this.#references.get(node)?.resolved
    if (!variable?.defs.every(({ type }) => type === 'Variable')) return false
    const writes = variable.references.filter((reference) => reference.isWrite())
    const isWell = ({ partial, writeExpr }: Reference) => !partial && writeExpr && isMade(writeExpr as AnyNode)
    return writes.length > 0 && writes.every(isWell)
  }

  #makesObject(node: AnyNode): boolean {
    if (node.type === 'ObjectExpression') return true
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false
    const name = memberName(node.callee)
    switch (this.#builtIn(node.callee.object)) {
      case 'JSON':
        return name === 'parse' && node.arguments.length === 1
      case 'Object':
        return name === 'assign' || name === 'fromEntries'
      default:
        return false
    }
  }

  #makesList(node: AnyNode): boolean {
    if (node.type === 'ArrayExpression') return true
    if (node.type === 'NewExpression') return this.#builtIn(node.callee) !== 'Object'
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false
    const { object } = node.callee
    const name = memberName(node.callee) ?? ''
    const space = this.#builtIn(object)
    if (space !== undefined) return MAKING_FUNCTIONS.get(space)?.has(name) === true
    if (CHAINING_METHODS.has(name)) return this.#makesList(object)
    return COPYING_METHODS.has(name) && this.#isData(object)
  }

  /** Whether the methods of the value are built-in: a string, a binding or its content, a new list. */
  #isData(node: AnyNode): boolean {
    switch (node.type) {
      case 'Literal':
      case 'TemplateLiteral':
      case 'ArrayExpression':
        return true
      case 'Identifier':
        return this.#references.get(node)?.resolved === null && this.#builtIn(node) === undefined
      case 'MemberExpression': {
        const name = memberName(node)
        return name !== undefined && !INTRINSIC_METHODS.has(name) && this.#isData(node.object)
      }
      case 'CallExpression':
        return this.#makesList(node)
      default:
        return false
    }
  }
}

/** The number of ancestors that decide about a name. */
const MAX_ANCESTORS = 2
const PATTERNS: ReadonlySet<string> = new Set(['ArrayPattern', 'RestElement', 'AssignmentPattern'])

/** Whether a known function of a built-in object is called, or a constant is read. */
function mayTake(name: string, member: MemberExpression, outer: AnyNode | undefined): boolean {
  const taken = memberName(member)
  if (taken === undefined) return false
  if (PACKAGES.has(name)) return outer?.type === 'MemberExpression' || isCallOf(member, outer)
  if (isCallOf(member, outer)) return NAMESPACES.get(name)?.has(taken) === true
  return CONSTANTS.has(name) && /^[A-Z][A-Z\d_]*$/.test(taken) && !isTarget(member, outer)
}

/** Whether a member with this name is neither a built-in method nor leads to a prototype. */
const isPlainName = (name: string): boolean => !FORBIDDEN.has(name) && !INTRINSIC_METHODS.has(name)
