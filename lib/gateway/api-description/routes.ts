/** What each route of the gateway takes and answers: the table behind docs/openapi.json and `/openidm/?_api`. */
import type { ResourceRequest } from '../../crest/protocol/request.ts'

type Method = Exclude<ResourceRequest['method'], 'action'>

/** The name of a schema among the components. */
export type Shape =
  | 'Resource'
  | 'Plan'
  | 'PlanEntry'
  | 'PlanDifference'
  | 'Run'
  | 'RunState'
  | 'RunBody'
  | 'ExecuteBody'
  | 'UndoBody'
  | 'Instance'
  | 'Node'
  | 'Mapping'
  | 'Settings'
  | 'Script'
  | 'Patch'
  | 'Any'

export interface DescribedAction {
  readonly name: string
  readonly summary: string
  /** Parameters beside `_action`; those with `*` at their end are required. */
  readonly parameters?: readonly string[]
  readonly body?: Shape
  readonly answer?: Shape
}

export interface DescribedRoute {
  /** `recon/{id}`; what is in braces is one element of a path. */
  readonly path: string
  /** The route of the router that serves it; absent for a page, which every gateway serves. */
  readonly route?: string
  readonly summary: string
  readonly methods: readonly Method[]
  readonly shape?: Shape
  readonly actions?: readonly DescribedAction[]
  /** Members that a new object must have. */
  readonly required?: readonly string[]
  /** Whether actions of any name are taken. */
  readonly anyAction?: boolean
  /** Of a page that is no JSON, or takes parameters of its own. */
  readonly page?: { readonly type?: string; readonly parameters?: readonly string[] }
  /** Whether it can be followed with `Accept: text/event-stream`. */
  readonly streams?: true
}

const READ = ['read'] as const
const QUERY = ['query'] as const
const LISTED = ['read', 'query'] as const
const OBJECT = ['read', 'create', 'update', 'patch', 'delete'] as const

const ITEM = ['read', 'update', 'delete', 'create'] as const
const KEPT = ['read', 'delete'] as const
const REMOTE = 'external/idm'
export const PATCH_BY_QUERY = {
  name: 'patch',
  summary: 'PATCH the only object that a query matches',
  body: 'Patch',
} as const

const one = (route: string, summary: string): DescribedRoute => ({ path: route, route, summary, methods: READ })
const many = (route: string, summary: string): DescribedRoute[] => [
  { path: route, route, summary, methods: QUERY },
  { path: `${route}/{id}`, route, summary: `One of: ${summary.toLowerCase()}`, methods: READ },
]

const DEAD_LETTERS = 'repo/synchronisation/deadLetterQueue'
const VALIDATE_CRON = { name: 'validateQuartzCronExpression', summary: 'Judge a cron expression' } as const
const RUN_PARAMETERS = ['waitForCompletion']
const START = { answer: 'RunState' } as const

/** Beside the managed types, each of which has routes of its own, and what a remote serves. */
export const ROUTES: readonly DescribedRoute[] = [
  {
    ...{ path: '', summary: 'What the caller may use', methods: READ },
    page: { parameters: ['_api', '_allowed[]'] },
  },
  {
    path: 'metrics/prometheus',
    summary: 'Metrics',
    methods: READ,
    page: { type: 'text/plain', parameters: ['name[]', 'remote[]'] },
  },
  { path: 'health/live', summary: 'Whether the process is alive', methods: READ, page: {} },
  { path: 'health/ready', summary: 'Whether the gateway is ready', methods: READ, page: {} },
  { ...one('info/login', 'Who sends the request'), route: 'info' },
  { ...one('info/ping', 'The state of the gateway'), route: 'info' },
  { ...one('info/version', 'The version'), route: 'info' },
  ...many('info/features', 'Features'),
  one('health', 'The state of the gateway'),
  one('health/memory', 'Memory, in bytes'),
  one('health/os', 'The operating system'),
  one('health/recon', 'How many reconciliations are active'),
  one('health/queue', 'What waits in the queues'),
  one('health/audit', 'Whether audit events are written'),
  ...many('gateway/faults', 'What of the configuration is not in force'),
  ...many('gateway/log', 'The last warnings and errors'),
  { path: 'cluster', route: 'cluster', summary: 'The nodes', methods: LISTED, shape: 'Node' },
  { path: 'cluster/{id}', route: 'cluster', summary: 'A node', methods: READ, shape: 'Node' },
  ...many('internal/role', 'The built-in roles'),
  {
    ...{
      path: 'internal/user',
      route: 'internal/user',
      summary: 'Accounts of the gateway',
      methods: ['query', 'create'],
    },
    actions: [PATCH_BY_QUERY],
  },
  { path: 'internal/user/{id}', route: 'internal/user', summary: 'An account of the gateway', methods: OBJECT },
  {
    ...{ path: 'authentication', route: 'authentication', summary: 'The login', methods: [] },
    actions: [{ name: 'reauthenticate', summary: 'Check the password in X-OpenIDM-Reauth-Password' }],
  },
  {
    ...{ path: 'system', route: 'system', summary: 'Connectors: there are none', methods: [] },
    actions: ['test', 'testConnectorServers', 'availableConnectors'].map((name) => ({
      name,
      summary: `Always the answer of an IDM without connectors`,
    })),
  },
  { path: 'config', route: 'config', summary: 'All objects of the configuration', methods: LISTED },
  { path: 'config/{id}', route: 'config', summary: 'A single object of the configuration', methods: OBJECT },
  {
    path: 'config/gateway',
    route: 'config',
    summary: 'The settings of the gateway',
    methods: OBJECT,
    shape: 'Settings',
  },
  { path: 'config/{factory}/{id}', route: 'config', summary: 'An object of a factory', methods: OBJECT },
  { path: 'config/mapping/{name}', route: 'config', summary: 'A mapping', methods: OBJECT, shape: 'Mapping' },
  {
    path: 'external/idm',
    route: 'external/idm',
    summary: 'The instances with their state',
    methods: QUERY,
    shape: 'Instance',
  },
  {
    ...{ path: 'external/idm/{name}', route: 'external/idm', summary: 'An instance', methods: [] },
    actions: [{ name: 'test', summary: 'Check the way to the remote, step by step' }],
  },
  {
    ...{ path: 'external/idm/{name}/managed/{type}', route: REMOTE, methods: ['query', 'create'], anyAction: true },
    summary: 'Objects of a remote. Whatever else it serves is below /external/idm/NAME/, too',
  },
  {
    ...{ path: 'external/idm/{name}/managed/{type}/{id}', route: REMOTE, methods: OBJECT, anyAction: true },
    summary: 'An object of a remote',
  },
  {
    ...{ path: 'security/truststore/presented/{name}', route: 'security/truststore', methods: READ },
    summary: 'The certificates that the servers of an instance present',
    actions: [{ name: 'trust', summary: 'Take a presented certificate into the trust store, by its fingerprint' }],
  },
  {
    ...{ path: 'recon', route: 'recon', summary: 'Runs and plans', methods: LISTED, shape: 'Run' },
    actions: [
      {
        ...{ name: 'recon', summary: 'Reconcile, or make a plan with analyze and persistAssociations', ...START },
        ...{ body: 'RunBody', parameters: ['mapping*', 'analyze', 'persistAssociations', ...RUN_PARAMETERS] },
      },
      {
        ...{ name: 'reconById', summary: 'The same for some sources', ...START, body: 'RunBody' },
        parameters: ['mapping*', 'ids*', 'analyze', 'persistAssociations', ...RUN_PARAMETERS],
      },
      {
        ...{ name: 'verify', summary: 'Compare both sides', ...START },
        parameters: ['mapping*', ...RUN_PARAMETERS],
      },
    ],
  },
  {
    ...{ path: 'recon/{id}', route: 'recon', summary: 'A run or plan', methods: ['read', 'delete'], shape: 'Run' },
    streams: true,
    actions: [
      { name: 'approve', summary: 'Approve a plan', answer: 'Plan' },
      {
        name: 'execute',
        summary: 'Carry out a plan, or a part of it',
        ...START,
        body: 'ExecuteBody',
        parameters: RUN_PARAMETERS,
      },
      { name: 'cancel', summary: 'Stop a run, or give one up that was interrupted' },
      { name: 'resume', summary: 'Continue a run that was interrupted', ...START, parameters: RUN_PARAMETERS },
      { name: 'undo', summary: 'Plan to undo a run', ...START, body: 'UndoBody', parameters: RUN_PARAMETERS },
    ],
  },
  { path: 'recon/plan/{id}', route: 'recon', summary: 'A plan', methods: READ, shape: 'Plan' },
  {
    path: 'recon/plan/{id}/entry',
    route: 'recon',
    summary: 'The rows of a plan or run',
    methods: QUERY,
    shape: 'PlanEntry',
  },
  {
    ...{ path: 'recon/plan/{id}/diff/{other}', route: 'recon', methods: QUERY, shape: 'PlanDifference' },
    summary: 'What differs between two plans of a mapping',
  },
  { path: 'recon/assoc', route: 'recon', summary: 'Runs with associations', methods: QUERY },
  { path: 'recon/assoc/{id}', route: 'recon', summary: 'A run with associations', methods: READ },
  { path: 'recon/assoc/{id}/entry', route: 'recon', summary: 'The associations of a run', methods: QUERY },
  {
    ...{ path: 'sync', route: 'sync', summary: 'Synchronization of single objects', methods: [] },
    actions: [
      {
        ...{ name: 'performAction', summary: 'Carry out an action on one pair of objects' },
        parameters: ['mapping', 'action', 'sourceId', 'targetId', 'situation', 'linkQualifier', 'target'],
      },
      { name: 'getLinkedResources', summary: 'The objects that are linked to one', parameters: ['resourceName'] },
      { name: 'recon', summary: 'As recon?_action=recon, which is to be used', parameters: ['mapping'] },
      ...['notifyCreate', 'notifyUpdate', 'notifyDelete'].map((name) => ({
        ...{ name, summary: 'Carry a change of a source object over' },
        parameters: ['resourceContainer', 'resourceId'],
      })),
    ],
  },
  {
    ...{ path: 'sync/queue', route: 'sync/queue', summary: 'Queued changes', methods: LISTED },
    actions: [
      { name: 'pause', summary: 'Let the changes of a mapping wait', parameters: ['mapping'] },
      { name: 'release', summary: 'Let a paused mapping go on', parameters: ['mapping'] },
      { name: 'drop', summary: 'Remove changes that wait', parameters: ['id', 'mapping', 'all'] },
    ],
  },
  { path: 'sync/mappings', route: 'sync', summary: 'The mappings in their order, with their faults', methods: QUERY },
  { path: 'sync/mappings/{name}', route: 'sync', summary: 'A mapping, with its fault', methods: READ },
  { path: 'sync/parked', route: 'sync', summary: 'Links of objects that go round', methods: QUERY },
  { path: 'sync/queue/{id}', route: 'sync/queue', summary: 'A queued change', methods: ['read', 'delete'] },
  ...['', '/{mapping}'].map(
    (rest): DescribedRoute => ({
      ...{ path: `${DEAD_LETTERS}${rest}`, route: DEAD_LETTERS, summary: 'Changes that were given up', methods: QUERY },
      actions: [
        { name: 'retry', summary: 'Let them be tried again', parameters: ['id', 'mapping', 'all'] },
        { name: 'drop', summary: 'Remove them', parameters: ['id', 'mapping', 'all'] },
      ],
    }),
  ),
  {
    ...{ path: `${DEAD_LETTERS}/{mapping}/{id}`, route: DEAD_LETTERS, methods: ['read', 'delete'] },
    summary: 'A change that was given up',
  },
  {
    ...{ path: 'repo/link', route: 'repo/link', summary: 'Links', methods: QUERY },
    actions: [
      { name: 'import', summary: 'Add links of a mapping', parameters: ['mapping', 'dryRun'] },
      { name: 'countByType', summary: 'Count the links of each type' },
      { name: 'purge', summary: 'Remove the links of a type that no mapping uses', parameters: ['linkType'] },
    ],
  },
  { path: 'repo/link/{id}', route: 'repo/link', summary: 'A link', methods: KEPT },
  ...many('audit/recon', 'Reports of reconciliations'),
  { path: 'audit/{topic}', route: 'audit', summary: 'Events of the audit, where they are kept', methods: QUERY },
  { path: 'audit/{topic}/{id}', route: 'audit', summary: 'An event of the audit', methods: READ },
  { path: 'managed', route: 'managed', summary: 'The managed types', methods: READ },
  { path: 'policy', route: 'policy', summary: 'The policies of managed objects', methods: READ },
  {
    ...{ path: 'policy/managed/{type}/{id}', route: 'policy', summary: 'The policies of a type', methods: READ },
    actions: ['validateObject', 'validateProperty'].map((name) => ({
      name,
      summary: 'Judge values; nothing is written',
    })),
  },
  { path: 'schema/managed/{type}', route: 'schema', summary: 'The schema of a type', methods: READ },
  {
    ...{ path: 'scheduler', route: 'scheduler', summary: 'The scheduler', methods: [] },
    actions: [VALIDATE_CRON],
  },
  {
    ...{ path: 'scheduler/job', route: 'scheduler', summary: 'Schedules', methods: ['query', 'create'] },
    actions: [
      VALIDATE_CRON,
      { name: 'listCurrentlyExecutingJobs', summary: 'The schedules that run now' },
      { name: 'pauseJobs', summary: 'Let no schedule run' },
      { name: 'resumeJobs', summary: 'Let schedules run again' },
    ],
  },
  {
    ...{ path: 'scheduler/job/{id}', route: 'scheduler', summary: 'A schedule', methods: ITEM },
    actions: [{ name: 'trigger', summary: 'Run it now' }],
  },
  { path: 'scheduler/trigger', route: 'scheduler', summary: 'When schedules run', methods: QUERY },
  { path: 'scheduler/trigger/{id}', route: 'scheduler', summary: 'When a schedule runs', methods: READ },
  {
    ...{ path: 'script', route: 'script', summary: 'Scripts', methods: [] },
    actions: [
      { name: 'eval', summary: 'Run a script', body: 'Script' },
      { name: 'compile', summary: 'Judge a script', body: 'Script' },
    ],
  },
]
