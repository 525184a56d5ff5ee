/** JSON Schemas as rows of a Markdown table. */

/** The part of a JSON Schema that is used here. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly required?: readonly string[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly $ref?: string
}

/** What the schema cannot say: a sentence, and where the schema has neither, type and default. */
export type Description = string | { readonly text: string; readonly type?: string; readonly byDefault?: string }

export interface Row {
  /** `proxy.proxyUri`, `configs[].roles`, `sources.NAME.directory`. */
  readonly path: string
  readonly schema: JsonSchema
  /** False also for a property that only some of the alternatives require. */
  readonly required: boolean
}

/** Every property of an object, with those of nested objects behind it. */
export function rowsOf(schema: JsonSchema, prefix = ''): Row[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, given]) => {
    const property = withoutReference(given)
    const path = `${prefix}${name}`
    const row = { path, schema: property, required: schema.required?.includes(name) === true && !hasDefault(property) }
    return [row, ...nestedRows(property, path)]
  })
  return merged([...own, ...(schema.oneOf ?? []).map((alternative) => rowsOf(alternative, prefix))])
}

function nestedRows(schema: JsonSchema, path: string): Row[] {
  const named = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {}
  return [
    ...rowsOf(schema, `${path}.`),
    ...rowsOf(named, `${path}.NAME.`),
    ...(schema.items ? nestedRows(schema.items, `${path}[]`) : []),
    ...(schema.anyOf ?? []).flatMap((alternative) => nestedRows(alternative, path)),
  ]
}

/** Rows of one path are one row: alternatives share properties. */
function merged(parts: readonly (Row | Row[])[]): Row[] {
  const rows = new Map<string, Row>()
  for (const row of parts.flat()) {
    const known = rows.get(row.path)
    rows.set(
      row.path,
      known ? { ...row, schema: union(known.schema, row.schema), required: known.required && row.required } : row,
    )
  }
  return [...rows.values()]
}

const union = (one: JsonSchema, other: JsonSchema): JsonSchema =>
  JSON.stringify(one) === JSON.stringify(other) ? one : { anyOf: [one, other] }

/** A value may be an expression anywhere: that is not repeated in each row. */
function withoutReference(schema: JsonSchema): JsonSchema {
  const [only, ...others] = (schema.anyOf ?? []).filter(({ $ref }) => $ref === undefined)
  return only && others.length === 0 && schema.anyOf?.length === 2 && schema.anyOf.some(({ $ref }) => $ref)
    ? only
    : schema
}

const hasDefault = (schema: JsonSchema): boolean => schema.default !== undefined

/** A Markdown table, one row per property. @throws Error naming properties without a description, and the reverse */
export function table(
  rows: readonly Row[],
  descriptions: Readonly<Record<string, Description>>,
  where: string,
): string {
  const paths = new Set(rows.map(({ path }) => path))
  const missing = [...paths].filter((path) => descriptions[path] === undefined)
  const left = Object.keys(descriptions).filter((path) => !paths.has(path))
  if (missing.length > 0) throw new Error(`docs/generate/descriptions.ts, "${where}": describe ${missing.join(', ')}`)
  if (left.length > 0) throw new Error(`docs/generate/descriptions.ts, "${where}": there is no ${left.join(', ')}`)
  const lines = rows.map((row) => line(row, descriptions[row.path] ?? ''))
  return ['| Property | Type | Default | Description |', '|---|---|---|---|', ...lines].join('\n')
}

function line({ path, schema, required }: Row, description: Description): string {
  const {
    text,
    type = typeOf(schema),
    byDefault = required ? '**required**' : defaultOf(schema),
  } = typeof description === 'string' ? { text: description } : description
  const cells = [`\`${path}\``, type, byDefault, text]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``

function defaultOf({ default: value }: JsonSchema): string {
  if (value === undefined || JSON.stringify(value) === '{}') return ''
  return Array.isArray(value) ? value.map((one) => `\`${one}\``).join(', ') || '`[]`' : code(value)
}

/** In words: `a whole number, 1 to 64`. Empty where the schema does not say. */
export function typeOf(schema: JsonSchema): string {
  const { const: only, enum: values, type, minimum, maximum, items } = schema
  if (only !== undefined) return code(only)
  if (values) return values.map(code).join(', ')
  if (schema.anyOf)
    return [...new Set(schema.anyOf.map(typeOf).filter((name) => name !== '' && name !== 'null'))].join(' or ')
  if (typeof type === 'object') return type.filter((name) => name !== 'null').join(' or ')
  if (type === 'array') return `array${items && typeOf(items) !== '' ? ` of ${plural(typeOf(items))}` : ''}`
  if (type !== 'integer') return type ?? ''
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) return `integer, at least ${minimum ?? 0}`
  return `integer, ${minimum} to ${maximum}`
}

const PLURALS: Readonly<Record<string, string>> = { string: 'strings', object: 'objects' }
const plural = (name: string): string => PLURALS[name] ?? name
