import { type AnyNode, type Node, parseJavaScript } from '../../core/javascript.ts'
import type { Requirement, Requirements } from '../protocol.ts'

/** The roots of Java's names. */
const PACKAGES = new Set(['java', 'javax', 'org', 'com', 'net', 'edu', 'Packages'])
/** Those of guest/java.ts. */
const OFFERED = ['java.lang.System', 'org.forgerock.util.query.QueryFilter', 'org.forgerock.json.resource.ResourcePath']
/**
 * What a script needs to run to its end: the modules and files that it names, and the Java classes that are not here.
 * What stands in a `try` with a `catch` is not counted, nor what belongs to a variable of the script.
 */
export function requirementsOf(source: string): Requirements {
  const found = {
    modules: new Map<string, number>(),
    files: new Map<string, number>(),
    classes: new Map<string, number>(),
  }
  const own = new Set<string>()
  const add = (into: Map<string, number>, name: string, node: Node) => {
    if (!into.has(name)) into.set(name, node.loc?.start.line ?? 1)
  }
  const visit = (node: AnyNode): void => {
    if (node.type === 'TryStatement' && node.handler) {
      visitChild(node.handler)
      visitChild(node.finalizer)
      return
    }
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier') own.add(node.id.name)
    if (/^Function|^Arrow/.test(node.type) && 'params' in node)
      for (const parameter of node.params) if (parameter.type === 'Identifier') own.add(parameter.name)
    if (node.type === 'CallExpression' && node.callee.type === 'Identifier') {
      const { name } = node.callee
      const [first] = node.arguments
      if (first?.type === 'Literal' && typeof first.value === 'string' && /^(?:require|load)$/.test(name))
        add(name === 'load' ? found.files : found.modules, first.value, node)
    }
    const className = node.type === 'MemberExpression' ? classNameOf(pathOf(node)) : undefined
    if (className !== undefined) add(found.classes, className, node)
    for (const child of Object.values(node)) visitChild(child)
  }
  const visitChild = (child: unknown): void => {
    if (Array.isArray(child)) child.forEach(visitChild)
    else if (isNode(child)) visit(child)
  }
  try {
    visit(parseJavaScript(source, { allowReturnOutsideFunction: true, allowHashBang: true, locations: true }))
  } catch {
    // The engine judges the syntax.
    return { modules: [], files: [], classes: [] }
  }
  const listed = (map: ReadonlyMap<string, number>): Requirement[] => [...map].map(([name, line]) => ({ name, line }))
  const classes = listed(found.classes).filter(({ name }) => !own.has(name.split('.')[0] ?? ''))
  return { modules: listed(found.modules), files: listed(found.files), classes }
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/** `java.util.UUID.randomUUID`; undefined for anything but plain names. */
function pathOf(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier') return undefined
  const object = pathOf(node.object)
  return object === undefined ? undefined : `${object}.${node.property.name}`
}

/** The class in a path of names: up to the first that begins with a capital. */
function classNameOf(path: string | undefined): string | undefined {
  const names = path?.split('.') ?? []
  if (!PACKAGES.has(names[0] ?? '')) return undefined
  if (names[0] === 'Packages') names.shift()
  const end = names.findIndex((name) => /^[A-Z]/.test(name))
  const name = names.slice(0, end + 1).join('.')
  return end < 1 || OFFERED.includes(name) ? undefined : name
}
