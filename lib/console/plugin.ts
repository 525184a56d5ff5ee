import { configurationService, type PluginContext } from '../contract.ts'
import { consoleRouter } from './router.ts'
import { type ConsoleSignIn, signInSchema } from './sign-in.ts'

const SETTINGS = 'gateway'

/**
 * Serves the console at `/openidm/console/` unless `conf/gateway.json` has `"console": false`. Its `consoleSignIn` names
 * the OpenID provider at which people sign in.
 */
export async function activate(context: PluginContext): Promise<void> {
  const configuration = context.optionalService(configurationService)
  let isOn = true
  let signIn: ConsoleSignIn | undefined
  const subscription = await configuration?.subscribe({
    factoryPid: SETTINGS,
    // The host judges its settings.
    validate: () => [],
    apply: async (objects) => {
      // Turned off, it stays so while the file has a fault.
      const [settings] = objects
      if (settings?.error !== undefined) return
      isOn = settings?.content?.console !== false
      const { success, data } = signInSchema.optional().safeParse(settings?.content?.consoleSignIn)
      if (success) signIn = data
    },
  })
  if (subscription) context.defer('settings of the console', () => subscription.dispose())
  const serve = consoleRouter({ signIn: () => signIn })
  context.registerRouter('/openidm', () => (request, response, next) => {
    if (isOn) serve(request, response, next)
    else next()
  })
}
