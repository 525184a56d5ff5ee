import type { JsonObject } from '../../contract.ts'
import { DEFAULT_SCRIPT_SETTINGS } from '../../script/main/settings.ts'
import { DEFAULT_RULES } from '../access/access.ts'
import { defaultManaged } from '../managed/defaults.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

/**
 * What is in force while there is no such file, in the form of that file: a client that reads an object, adds to it and
 * puts it back leaves the rest as it was.
 */
export const defaultConfiguration: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ['access', { configs: DEFAULT_RULES }],
  // The administrator and the anonymous user come from the environment.
  ['authentication', {}],
  ['gateway', DEFAULT_SETTINGS],
  ['managed', defaultManaged as JsonObject],
  ['router', { filters: [] }],
  ['script', DEFAULT_SCRIPT_SETTINGS],
  // Vendor tools that import a mapping add it to this list.
  ['sync', { mappings: [] }],
])
