/** The schemas of the API description. */
import type { JsonObject } from '../../contract.ts'
import { z } from '../../core/schema.ts'
import { mappingSchema } from '../../sync/mapping/mapping.ts'
import { planDifferenceSchema, planEntrySchema, planSchema, verificationSchema } from '../../sync/rest/plan-schema.ts'
import { settingsSchema } from '../configuration/settings.ts'
import type { Shape } from './routes.ts'

const shapeOf = (schema: z.ZodType, io: 'input' | 'output'): JsonObject => {
  const { $schema: _, ...definition } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonObject
  return definition
}

/** As a configuration object is read and written: with its id, and with members that have no effect. */
function configured(schema: z.ZodType): JsonObject {
  const { additionalProperties: _, properties, ...others } = shapeOf(schema, 'input')
  return { ...others, properties: { _id: { type: 'string' }, ...(properties as JsonObject) } }
}

export const text = { type: 'string' }
const flag = { type: 'boolean' }
export const object = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required: [...required] }),
})

export const SHAPES: Readonly<Record<Shape | 'Error' | 'Patch', JsonObject>> = {
  Any: {},
  Resource: object({ _id: text, _rev: text }, ['_id']),
  Error: object({ code: { type: 'integer' }, reason: text, message: text, detail: {} }, ['code', 'reason', 'message']),
  Patch: {
    type: 'array',
    items: object(
      {
        operation: { enum: ['add', 'replace', 'remove', 'increment', 'copy', 'move', 'transform'] },
        field: text,
        value: {},
        from: text,
      },
      ['operation', 'field'],
    ),
  },
  Plan: shapeOf(planSchema, 'output'),
  PlanEntry: shapeOf(planEntrySchema, 'output'),
  PlanDifference: shapeOf(planDifferenceSchema, 'output'),
  Run: object(
    {
      ...{
        _id: text,
        mapping: text,
        state: { enum: ['ACTIVE', 'SUCCESS', 'FAILED', 'CANCELED'] },
        stage: text,
        kind: text,
      },
      ...{ resumable: flag, waitsForApproval: flag, startedBy: text, started: text, ended: text },
      ...{ progress: { type: 'object' }, situationSummary: { type: 'object' }, statusSummary: { type: 'object' } },
      verification: shapeOf(verificationSchema, 'output'),
    },
    ['_id', 'mapping', 'state', 'stage'],
  ),
  RunState: object({ _id: text, state: text, waitsForApproval: flag }, ['_id', 'state']),
  RunBody: object({
    limit: { type: 'integer' },
    sample: { type: 'integer' },
    filter: text,
    maxDeletes: {},
    maxClears: {},
  }),
  ExecuteBody: object({ only: {}, limit: { type: 'integer' }, allowApproximate: flag, maxDeletes: {}, maxClears: {} }),
  UndoBody: object({ deleteCreated: { type: 'integer' } }),
  Instance: object({
    _id: text,
    enabled: flag,
    authType: {},
    instanceUrl: {},
    state: text,
    lastError: {},
    since: text,
  }),
  Node: object({
    ...{ _id: text, instanceId: text, startup: text, shutdown: text, state: { enum: ['running', 'down'] } },
    ...{ pid: {}, leads: flag, version: {}, uptime: {}, connections: {}, requests: {}, memory: {} },
    ...{ restarts: { type: 'integer' }, lastExit: {} },
  }),
  Mapping: configured(mappingSchema),
  Settings: configured(settingsSchema),
  Script: object({ type: text, source: text, file: text, globals: { type: 'object' } }),
}

const KEPT = [
  'title',
  'description',
  'format',
  'minLength',
  'maxLength',
  'pattern',
  'enum',
  'minimum',
  'maximum',
  'default',
] as const

/** Of a schema of IDM, what JSON Schema knows. */
export function typeSchema(schema: JsonObject): JsonObject {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>)
  return object({
    _id: text,
    _rev: text,
    ...Object.fromEntries(properties.map(([name, property]) => [name, propertySchema(property)])),
  })
}

function propertySchema(property: JsonObject): JsonObject {
  const kept = KEPT.flatMap((name): [string, JsonObject[string]][] =>
    property[name] === undefined ? [] : [[name, property[name]]],
  )
  const { type, items, properties, scope } = property
  const types = (Array.isArray(type) ? type : [type]).map((name) => (name === 'relationship' ? 'object' : name))
  const known = types.filter((name) => typeof name === 'string')
  return {
    ...Object.fromEntries(kept),
    ...(known.length > 0 && { type: known.length === 1 ? (known[0] ?? null) : known }),
    ...(isSchema(items) && { items: propertySchema(items) }),
    ...(isSchema(properties) && { properties: typeProperties(properties) }),
    ...(scope === 'private' && { writeOnly: true }),
  }
}

const isSchema = (value: JsonObject[string] | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const typeProperties = (properties: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, isSchema(property) ? propertySchema(property) : {}]),
  )
