import type { Ask } from './ask.ts'

/** `identityServer`: properties and directories of this gateway. */
export const makeIdentityServer = (ask: Ask) => ({
  getProperty: (name: unknown, otherwise?: unknown, substitute?: unknown) =>
    ask('property', name, substitute === true) ?? otherwise ?? null,
  getInstallLocation: () => ask('location', 'install'),
  getProjectLocation: () => ask('location', 'project'),
  getWorkingLocation: () => ask('location', 'working'),
})
