/** `conf/script.json`: the directories of script files, and the limits of scripts. */
import { resolve } from 'node:path'
import type { JsonObject } from '../../contract.ts'
import { z } from '../../core/schema.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import type { ScriptEngineSettings } from './engine.ts'
import { defaultPoolSize } from './pool/pool-size.ts'

const DURATION_FORM = `must be ${DURATION_FORMS}, but not unlimited`
const duration = (byDefault: number) =>
  z
    .union([z.string(), z.number()], DURATION_FORM)
    .transform((value, context) => {
      const ms = parseDuration(value)
      if (ms !== undefined && Number.isFinite(ms) && ms > 0) return ms
      context.addIssue({ code: 'custom', message: DURATION_FORM })
      return z.NEVER
    })
    .default(byDefault)

const count = (byDefault: number, max: number) => {
  const form = `must be a whole number from 1 to ${max}`
  return z.int(form).min(1, form).max(max, form).default(byDefault)
}

const MB = 1024 * 1024

/** An addition of this gateway: IDM has no limits. */
const limits = z.strictObject({
  /** Computing time of one run. */
  computeTime: duration(DEFAULT_LIMITS.computeMs),
  /** Time from start to end. */
  totalTime: duration(DEFAULT_LIMITS.wallMs),
  memoryMB: count(DEFAULT_LIMITS.memoryBytes / MB, 512),
  /** Characters of JSON in one transfer, in millions. */
  transferMB: count(DEFAULT_LIMITS.transferLength / MB, 256),
  calls: count(DEFAULT_LIMITS.calls, 1_000_000_000),
  nesting: count(8, 64),
  computing: count(defaultPoolSize().computing, 256),
  threads: count(64, 1024),
})

const SOURCES_FORM = 'must be an object with a directory for each name: {"project-script": {"directory": "…"}}'
const source = z.looseObject({ directory: z.string('must be the path of a directory') }, SOURCES_FORM)

/** IDM writes numbers as strings. */
const INTERVAL = 'javascript.recompile.minimumInterval'
const DEBUG = 'javascript.exception.debug.info'

export const scriptSettingsSchema = z.looseObject({
  ECMAScript: z
    .looseObject({ [INTERVAL]: z.union([z.string(), z.number()], 'must be milliseconds, or -1').optional() })
    .optional(),
  properties: z.looseObject({ [DEBUG]: z.union([z.string(), z.boolean()]).optional() }).optional(),
  sources: z.record(z.string(), source, SOURCES_FORM).optional(),
  /** Properties that `identityServer.getProperty` returns although they may contain secrets. */
  visibleProperties: z.array(z.string('must be the name of a property'), 'must be an array of names').default([]),
  limits: limits.prefault({}),
})

export type ScriptSettings = z.infer<typeof scriptSettingsSchema>

/** JSON pointers to what must have a value: not the options of Groovy. */
export const REQUIRED_IN_SCRIPT_SETTINGS = ['ECMAScript', 'properties', 'sources', 'visibleProperties', 'limits']

/** The content that stands for a missing `script.json`. */
export const DEFAULT_SCRIPT_SETTINGS: JsonObject = {
  sources: { project: { directory: '.' }, 'project-script': { directory: 'script' } },
  visibleProperties: [],
}

/**
 * The directories when `script.json` names none, in the order of the search. The project directory stands for IDM's `install`,
 * too.
 */
const defaultSources = (project: string): string[] => [resolve(project, 'script'), project]

/** @param project absolute */
export function engineSettings(settings: ScriptSettings, project: string): ScriptEngineSettings {
  const { sources, limits: own, ECMAScript = {}, properties = {} } = settings
  const directories = sources && Object.values(sources).map(({ directory }) => resolve(project, directory))
  const debug: unknown = (properties as JsonObject)[DEBUG]
  return {
    directories: directories?.reverse() ?? defaultSources(project),
    watch: Number((ECMAScript as JsonObject)[INTERVAL] ?? 0) >= 0,
    showPlaces: debug === true || debug === 'true',
    limits: {
      computeMs: own.computeTime,
      wallMs: own.totalTime,
      memoryBytes: own.memoryMB * MB,
      transferLength: own.transferMB * MB,
      calls: own.calls,
    },
    size: { ...defaultPoolSize(), computing: own.computing, threads: own.threads, depth: own.nesting },
  }
}
