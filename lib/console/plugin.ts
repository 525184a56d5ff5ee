import { configurationService, type PluginContext } from '../contract.ts'
import { consoleRouter } from './router.ts'

const SETTINGS = 'gateway'

/** Serves the console at `/openidm/console/` unless `conf/gateway.json` has `"console": false`. */
export async function activate(context: PluginContext): Promise<void> {
  const configuration = context.optionalService(configurationService)
  let isOn = true
  const subscription = await configuration?.subscribe({
    factoryPid: SETTINGS,
    // The host judges its settings.
    validate: () => [],
    apply: async (objects) => {
      // Turned off, it stays so while the file has a fault.
      const [settings] = objects
      if (settings?.error === undefined) isOn = settings?.content?.console !== false
    },
  })
  if (subscription) context.defer('settings of the console', () => subscription.dispose())
  const serve = consoleRouter()
  context.registerRouter('/openidm', () => (request, response, next) => {
    if (isOn) serve(request, response, next)
    else next()
  })
}
