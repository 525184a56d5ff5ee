import type { JsonObject } from '../../contract.ts'
import { DEFAULT_SCRIPT_SETTINGS } from '../../script/main/settings.ts'
import { DEFAULT_RULES } from '../access/access.ts'
import { DEFAULT_AUDIT } from '../audit/settings.ts'
import { defaultManaged } from '../managed/defaults.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

/**
 * Defaults in the form of the configuration files: a client that reads an object, adds to it and puts it back keeps the
 * rest.
 */
export const defaultConfiguration: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ['access', { configs: DEFAULT_RULES }],
  ['audit', DEFAULT_AUDIT],
  // The built-in accounts come from the environment.
  ['authentication', {}],
  ['gateway', DEFAULT_SETTINGS],
  ['managed', defaultManaged as JsonObject],
  ['router', { filters: [] }],
  ['script', DEFAULT_SCRIPT_SETTINGS],
  // Vendor tools append mappings to this list.
  ['sync', { mappings: [] }],
])
