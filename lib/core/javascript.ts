import { createRequire } from 'node:module'
import type { Options, Program } from 'acorn'

export type { AnyNode, CallExpression, Identifier, MemberExpression, Node } from 'acorn'

let library: typeof import('acorn') | undefined

/**
 * The syntax tree of a script, as ESTree describes it. Loads acorn when it is first needed: most starts do not.
 * @throws SyntaxError with the place of the fault
 */
export function parseJavaScript(source: string, options: Omit<Options, 'ecmaVersion'> = {}): Program {
  library ??= createRequire(import.meta.url)('acorn') as typeof import('acorn')
  return library.parse(source, { ...options, ecmaVersion: 'latest' })
}
