import { isObject } from '../../core/json.ts'

/** What may replace any value: property value substitution. */
const REFERENCE = {
  anyOf: [
    { type: 'string', pattern: '&\\{' },
    {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      propertyNames: {
        enum: [
          ...['$purpose', '$crypto', '$int', '$number', '$bool', '$list', '$array', '$object'],
          ...['$base64:decode', '$base64:encode'],
        ],
      },
    },
  ],
}

/** Turns a JSON Schema of resolved content into one of the file, where each property may be a reference. */
export function withReferences(schema: object): object {
  const root = visit(schema) as Record<string, unknown>
  return { ...root, $defs: { reference: REFERENCE } }
}

function visit(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(visit)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === 'properties' && isObject(member) ? propertiesOf(member) : visit(member),
    ]),
  )
}

/** `authType` selects the kind of instance, so it must be a constant. */
const propertiesOf = (properties: object): object =>
  Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      name === 'authType' ? property : { anyOf: [visit(property), { $ref: '#/$defs/reference' }] },
    ]),
  )
