import type { Disposable, Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, forbidden, notSupported } from '../../crest/errors.ts'
import type { ActionRequest, RequestContext, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { Script, ScriptService } from '../main/engine.ts'
import { ScriptException } from '../script-exception.ts'

const ADMINISTRATOR = 'internal/role/openidm-admin'

/** The route `script`: the actions `eval` and `compile`, for administrators. */
export const addScriptResource = (router: ResourceRouter, scripts: ScriptService): Disposable =>
  router.add('script', scriptResource(scripts))

/** @param isAllowed who may use it; default: administrators */
export const scriptResource = (
  scripts: ScriptService,
  isAllowed: (context: RequestContext) => boolean = isAdministrator,
): ResourceHandler => ({
  isScripted: true,
  action: async (request, context) => {
    if (request.resourcePath !== '') throw notSupported('script/… supports no actions')
    if (!isAllowed(context)) throw forbidden('Access denied')
    if (request.action === 'eval') return evaluate(scripts, request, context)
    if (request.action !== 'compile')
      throw badRequest(`The action '${request.action}' is unknown: it must be eval or compile`)
    await compile(scripts, request.content)
    return true
  },
})

/** Runs the script of a patch operation `transform` on the value of its field. */
export const transformer =
  (scripts: ScriptService) =>
  async (script: Json, content: Json, context: RequestContext): Promise<Json> =>
    scripts.run(await scripts.compile(script, 'transform'), { content }, { context })

/** A script can do anything: access rules that allow it to others are treated as a mistake. */
const isAdministrator = ({ http, security }: RequestContext): boolean =>
  !http || !security || security.authorization.roles.includes(ADMINISTRATOR)

/** The parameters of the request are variables, too. */
async function evaluate(scripts: ScriptService, request: ActionRequest, context: RequestContext): Promise<Json> {
  const script = await compile(scripts, request.content)
  try {
    return await scripts.run(script, { ...request.additionalParameters }, { context })
  } catch (error) {
    if (error instanceof ScriptException && error.kind === 'syntax') throw badRequest(error.message)
    throw error
  }
}

async function compile(scripts: ScriptService, content: Json): Promise<Script> {
  if (!isObject(content)) throw badRequest('A script must be an object with "type" and "source" or "file"')
  const { _id, _rev, ...script } = content as JsonObject
  return scripts.compile(script)
}
