/** The shapes of plans over REST, for clients: lib/sync/rest/plan.schema.json is generated from them. */
import { anyJson, z } from '../../core/schema.ts'
import { ROW_STATUSES } from '../../repo/runs/run-row.ts'
import { ACTIONS } from '../action.ts'
import { CONFLICT_RULES } from '../mapping/live-schema.ts'
import { SITUATIONS } from '../situation.ts'

const time = z.iso.datetime()
const count = z.int().min(0)
const who = z.string().describe('a login, "schedule NAME", "command" or "internal"')

const execution = z.strictObject({
  run: z.string().describe('the id of the run'),
  by: who,
  at: time,
  only: z.array(z.enum(['creates', 'updates', 'deletes', 'links'])).nullable(),
  limit: count.nullable(),
  count: count.describe('rows that were to be carried out'),
})

const counts = z.strictObject({
  situation: z.string(),
  action: z.string(),
  count: count.describe('rows that are in the plan'),
  waiting: count.describe('of these, rows that can be carried out'),
  changing: count.describe('of these, rows that change a field'),
  writing: count.describe('of these, rows whose scripts write something'),
  approximate: count.describe('of these, rows that need allowApproximate'),
  deferred: count,
  failed: count,
  skipped: count,
})

export const planSchema = z.strictObject({
  _id: z.string(),
  mapping: z.string(),
  state: z
    .enum(['OPEN', 'WAITING', 'APPROVED', 'PARTLY', 'EXECUTED', 'EXPIRED', 'CHANGED'])
    .nullable()
    .describe('null: it is no plan that can be carried out'),
  madeBy: who.nullable(),
  madeAt: time.nullable(),
  validUntil: time.nullable().describe('null: for ever, or no plan'),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .describe('SHA-256 of the mapping, its scripts and the addresses of its instances'),
  requiresApproval: z.boolean(),
  approval: z.strictObject({ by: who, at: time }).nullable(),
  executions: z.array(execution),
  counts: z.array(counts),
})

export const planEntrySchema = z.strictObject({
  _id: z.string(),
  situation: z.enum(SITUATIONS).nullable(),
  action: z.enum(ACTIONS).nullable(),
  linkQualifier: z.string(),
  sourceObjectId: z.string().nullable(),
  targetObjectId: z.string().nullable(),
  reason: z.string(),
  status: z.enum(ROW_STATUSES).nullable().describe('null: it is planned'),
  message: z.string().nullable(),
  changes: z.array(
    z.strictObject({
      field: z.string().describe('a JSON pointer'),
      from: anyJson.describe('null: nothing'),
      to: anyJson.describe('null: nothing'),
      unseen: z.boolean().optional().describe('the target never shows the field'),
      again: z.boolean().optional().describe('the same value was sent before, and the target keeps another'),
      kept: z.boolean().optional().describe('not written: the target has changed it since both sides last agreed'),
      conflict: z.enum(CONFLICT_RULES).optional().describe('both sides have changed it: which of them wins'),
    }),
  ),
  writes: z.array(z.looseObject({ method: z.string(), path: z.string() })).describe('what its scripts write'),
  approximate: z.boolean(),
})

export const planDifferenceSchema = z.strictObject({
  _id: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  entry: planEntrySchema.nullable().describe('of the plan; null: it has none'),
  other: planEntrySchema.nullable().describe('of the plan that it is compared with'),
})

export const verificationSchema = z.strictObject({
  sources: count,
  targets: count,
  linked: count.describe('pairs that are linked'),
  matching: count.describe('pairs, linked or correlated, that agree in all mapped fields'),
  differing: count.describe('pairs that differ in a field'),
  missingTargets: count.describe('sources without a target'),
  unlinked: count.describe('pairs that correlate and are not linked'),
  unexpectedTargets: count.describe('targets without a source that qualifies'),
  ambiguous: count.describe('sources with several targets, or with one that belongs to another source'),
  failed: count.describe('sources that could not be compared'),
  fields: z.record(z.string(), count).describe('in how many pairs each field differs'),
})

const SHAPES = {
  plan: planSchema,
  entry: planEntrySchema,
  difference: planDifferenceSchema,
  verification: verificationSchema,
}

/** A JSON Schema with one definition for each shape. */
export const planJsonSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Plans of openidm-external-idm',
  $defs: Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, definitionOf(shape)])),
})

function definitionOf(shape: z.ZodType): object {
  const { $schema: _, ...definition } = z.toJSONSchema(shape, { unrepresentable: 'any' })
  return definition
}
