import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { type Pointer, parsePointer } from '../../crest/pointer.ts'
import { type Script, scriptFault } from './condition.ts'

/** Fields of the target that must be equal: any of them, or all. */
export type ExpressionTree =
  | Pointer
  | { readonly any: readonly ExpressionTree[] }
  | { readonly all: readonly ExpressionTree[] }

/** How to find the targets that may belong to a source. */
export type CorrelationQuery = { readonly tree: ExpressionTree } | { readonly script: Script }

/** The vendor's script that turns an expression tree into a query; built in here. */
const TREE_FILE = 'ui/correlateTreeToQueryFilter.js'

const FORM =
  'must be a script, an object {"linkQualifier", "expressionTree": {"any" or "all": ["FIELD"]}}, or an array of these'
const TREE_FORM = 'expressionTree: must be {"any" or "all": [fields of the target, or further such objects]}'

/** By link qualifier; empty when there is no correlation. */
export const correlationQuerySchema = z
  .unknown()
  .optional()
  .transform((value, context): Map<string, CorrelationQuery> => {
    const found = new Map<string, CorrelationQuery>()
    const entries: unknown[] = Array.isArray(value) ? value : [value ?? []].flat()
    for (const entry of entries) {
      const fault = addEntry(found, entry)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    }
    return found
  })

function addEntry(found: Map<string, CorrelationQuery>, entry: unknown): string | undefined {
  if (!isObject(entry)) return FORM
  const { linkQualifier = 'default', expressionTree, mapping: _, ...script } = entry
  if (typeof linkQualifier !== 'string') return 'linkQualifier: must be a name'
  if (found.has(linkQualifier)) return `there are two entries for the link qualifier "${linkQualifier}"`
  if (expressionTree !== undefined) {
    const tree = treeOf(expressionTree)
    if (!tree) return TREE_FORM
    found.set(linkQualifier, { tree })
    return undefined
  }
  if (script.file === TREE_FILE) return `${TREE_FILE} needs an expressionTree`
  if (script.type === undefined && script.source === undefined && script.file === undefined) return FORM
  const fault = scriptFault(script)
  if (fault !== undefined) return fault
  found.set(linkQualifier, { script })
  return undefined
}

function treeOf(value: Json): ExpressionTree | undefined {
  if (typeof value === 'string') return fieldOf(value)
  if (!isObject(value)) return undefined
  const [[name, nodes] = [], ...others] = Object.entries(value)
  if (others.length > 0 || !Array.isArray(nodes) || nodes.length === 0) return undefined
  const trees = nodes.map(treeOf)
  if (!trees.every((tree) => tree !== undefined)) return undefined
  if (name === 'any') return { any: trees }
  return name === 'all' ? { all: trees } : undefined
}

function fieldOf(text: string): Pointer | undefined {
  try {
    const field = parsePointer(text)
    return field.length > 0 ? field : undefined
  } catch {
    return undefined
  }
}

/** The fields that a tree refers to. */
export function treeFields(tree: ExpressionTree): Pointer[] {
  if ('any' in tree) return tree.any.flatMap(treeFields)
  if ('all' in tree) return tree.all.flatMap(treeFields)
  return [tree]
}
