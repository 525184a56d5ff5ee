import { z } from '../../core/schema.ts'
import { ACTIONS, type Action, isAction } from '../action.ts'
import { isSituation, SITUATIONS, type Situation } from '../situation.ts'
import { conditionSchema, hookSchema, orScript, scriptSchema } from './condition.ts'

const ACTION_FORM = `must be one of ${ACTIONS.join(', ')}, or a script that yields one`

export const policyShape = {
  situation: z.custom<Situation>(isSituation, `must be one of ${SITUATIONS.join(', ')}`),
  action: z.union([z.custom<Action>(isAction), scriptSchema], orScript(ACTION_FORM)),
  condition: conditionSchema,
  postAction: hookSchema,
}

/** One of a mapping's `policies`. */
export const policySchema = z.looseObject(
  policyShape,
  'must be an object {"situation", "action", "condition", "postAction"}',
)
