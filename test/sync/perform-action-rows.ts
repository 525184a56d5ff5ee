/** Pairs as they can stand, and the actions that may be asked for then. */
import type { JsonObject } from '../../lib/contract.ts'

export const MANAGED = { objects: [{ name: 'account', schema: { properties: {} } }] }
export const SOURCE = 'external/idm/eu/managed/account'
export const TARGET = 'external/idm/us/managed/account'
export const MAPPING: JsonObject = {
  name: 'm',
  source: SOURCE,
  target: TARGET,
  sourceCondition: '! (/source/out eq true)',
  validTarget: { type: 'text/javascript', source: 'target.system !== true' },
  properties: [
    { source: 'name', target: 'name' },
    { source: 'mail', target: 'mail' },
  ],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
}

/** What there is beforehand, and what is asked for; `ID` is source and target of the test. */
export interface Row {
  readonly situation: string
  /** Beyond `action` and `sourceId`; without it the source alone is named. */
  readonly asks?: string
  readonly prepare: (stage: Stage) => Promise<void>
  /** Each action that is carried out, and what is left: mails of the targets, number of links. */
  readonly allowed: Readonly<Record<string, readonly [mails: readonly unknown[], links: number]>>
  readonly refused: readonly string[]
}

interface Stage {
  readonly id: string
  source(content?: JsonObject): Promise<void>
  target(id: string, content?: JsonObject): Promise<void>
  linked(): Promise<void>
  remove(path: string): Promise<void>
  change(content: JsonObject): Promise<void>
}

export const ROWS: Readonly<Record<string, Row>> = {
  'linked, both there': {
    situation: 'CONFIRMED',
    prepare: async (stage) => {
      await stage.linked()
      await stage.change({ mail: 'new' })
    },
    allowed: { UPDATE: [['new'], 1], IGNORE: [['old'], 1] },
    refused: ['CREATE', 'DELETE', 'UNLINK', 'LINK', 'EXCEPTION'],
  },
  'linked, the target gone': {
    situation: 'MISSING',
    prepare: async (stage) => {
      await stage.linked()
      await stage.remove(`${TARGET}/${stage.id}`)
    },
    allowed: { CREATE: [['new'], 1], UNLINK: [[], 0], REPORT: [[], 1] },
    refused: ['UPDATE', 'LINK', 'DELETE'],
  },
  'no link, nobody correlates': {
    situation: 'ABSENT',
    prepare: (stage) => stage.source(),
    allowed: { CREATE: [['new'], 1], IGNORE: [[], 0] },
    refused: ['UPDATE', 'LINK', 'UNLINK', 'DELETE'],
  },
  'no link, one correlates': {
    situation: 'FOUND',
    prepare: async (stage) => {
      await stage.source()
      await stage.target(stage.id)
    },
    allowed: { UPDATE: [['new'], 1], LINK: [['old'], 1], NOREPORT: [['old'], 0] },
    refused: ['CREATE', 'DELETE', 'UNLINK'],
  },
  'no link, several correlate': {
    situation: 'AMBIGUOUS',
    prepare: async (stage) => {
      await stage.source()
      for (const id of ['1', '2']) await stage.target(stage.id + id)
    },
    allowed: { ASYNC: [['old', 'old'], 0] },
    refused: ['CREATE', 'UPDATE', 'LINK', 'DELETE'],
  },
  'several correlate, and one of them is named': {
    situation: 'FOUND',
    asks: 'targetId=ID2',
    prepare: async (stage) => {
      await stage.source()
      for (const id of ['1', '2']) await stage.target(stage.id + id)
    },
    allowed: { UPDATE: [['new', 'old'], 1], LINK: [['old', 'old'], 1] },
    refused: ['CREATE'],
  },
  'the target is linked to another source': {
    situation: 'FOUND_ALREADY_LINKED',
    asks: 'sourceId=other-ID&targetId=ID',
    prepare: async (stage) => {
      await stage.linked()
      await stage.source({ _id: `other-${stage.id}` })
    },
    allowed: { IGNORE: [['old'], 1] },
    refused: ['CREATE', 'UPDATE', 'LINK', 'DELETE'],
  },
  'it does not qualify and has a link': {
    situation: 'UNQUALIFIED',
    prepare: async (stage) => {
      await stage.linked()
      await stage.change({ out: true })
    },
    allowed: { DELETE: [[], 0], UNLINK: [['old'], 0] },
    refused: ['UPDATE', 'CREATE', 'LINK'],
  },
  'it does not qualify, and has none': {
    situation: 'SOURCE_IGNORED',
    prepare: (stage) => stage.source({ out: true }),
    allowed: { IGNORE: [[], 0] },
    refused: ['CREATE', 'DELETE'],
  },
  'linked, the source gone': {
    situation: 'SOURCE_MISSING',
    asks: 'targetId=ID&target=true',
    prepare: async (stage) => {
      await stage.linked()
      await stage.remove(`${SOURCE}/${stage.id}`)
    },
    allowed: { DELETE: [[], 0], UNLINK: [['old'], 0] },
    refused: ['UPDATE', 'CREATE'],
  },
  'linked, both gone': {
    situation: 'LINK_ONLY',
    prepare: async (stage) => {
      await stage.linked()
      await stage.remove(`${SOURCE}/${stage.id}`)
      await stage.remove(`${TARGET}/${stage.id}`)
    },
    allowed: { UNLINK: [[], 0] },
    refused: ['CREATE', 'DELETE'],
  },
  'a target without link': {
    situation: 'UNASSIGNED',
    asks: 'targetId=ID&target=true',
    prepare: (stage) => stage.target(stage.id),
    allowed: { REPORT: [['old'], 0] },
    refused: ['DELETE', 'LINK'],
  },
  'a target that takes no part': {
    situation: 'TARGET_IGNORED',
    asks: 'targetId=ID&target=true',
    prepare: (stage) => stage.target(stage.id, { system: true }),
    allowed: { DELETE: [[], 0], IGNORE: [['old'], 0] },
    refused: ['UPDATE', 'EXCEPTION'],
  },
}
