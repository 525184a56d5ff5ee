/** Helpers for the syntax trees of acorn. */
import type { AnyNode, MemberExpression } from '../../core/javascript.ts'

export const isFunction = (node: AnyNode | null | undefined): boolean =>
  node?.type === 'FunctionExpression' || node?.type === 'ArrowFunctionExpression'

export const isCallOf = (callee: AnyNode, outer: AnyNode | undefined): boolean =>
  outer?.type === 'CallExpression' && outer.callee === callee

/** Whether `node` is assigned or deleted. */
export const isTarget = (node: AnyNode, parent: AnyNode | undefined): boolean =>
  parent !== undefined && targetOf(parent) === node

function targetOf(node: AnyNode): AnyNode | undefined {
  switch (node.type) {
    case 'AssignmentExpression':
    case 'ForInStatement':
    case 'ForOfStatement':
      return node.left
    case 'UpdateExpression':
      return node.argument
    case 'UnaryExpression':
      return node.operator === 'delete' ? node.argument : undefined
    default:
      return undefined
  }
}

/** The objects below `node` in which a member with a computed name is set. */
export function computedTargets(node: AnyNode): AnyNode[] {
  const target = targetOf(node)
  const own = target?.type === 'MemberExpression' && target.computed ? [target.object] : []
  return [...own, ...childrenOf(node).flatMap(computedTargets)]
}

/** Undefined for a computed name. */
export function memberName({ computed, property }: MemberExpression): string | undefined {
  if (!computed) return property.type === 'Identifier' ? property.name : undefined
  return property.type === 'Literal' ? String(property.value) : undefined
}

export const nameOfKey = ({ key }: { readonly key: AnyNode }): string =>
  key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : ''

/** The first object of `a.b.c`. */
export function rootOf(node: AnyNode): AnyNode {
  let root = node
  while (root.type === 'MemberExpression') root = root.object
  return root
}

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value

export const childrenOf = (node: AnyNode): AnyNode[] =>
  Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  )
