/** Builds an OpenAPI 3.1 document from the table of routes, the schemas, and the managed types. */
import type { JsonObject } from '../../contract.ts'
import type { Operation } from '../../crest/http/effective-request.ts'
import { type DescribedAction, type DescribedRoute, PATCH_BY_QUERY, ROUTES } from './routes.ts'
import { object, SHAPES, typeSchema } from './shapes.ts'

export interface DescribedType {
  readonly name: string
  /** As `schema/managed/TYPE` answers it. */
  readonly schema: JsonObject
}

export interface DescriptionOptions {
  readonly version: string
  readonly types: readonly DescribedType[]
  /** The routes that are served, with what they take. Default: those of the table. */
  readonly served?: ReadonlyMap<string, readonly Operation['method'][]>
  /** Whether the reader may do this. Default: everything. */
  readonly mayUse?: (path: string, operation: Operation) => boolean
}

/** What the reader may use of what is served. */
export function describeApi(options: DescriptionOptions): JsonObject {
  const { version, types, served } = options
  const known = [...ROUTES, ...types.flatMap(routesOfType)]
  const routes = [
    ...known.filter(({ route }) => route === undefined || !served || served.has(route)),
    ...othersOf(served ?? new Map(), known),
  ]
  const paths = routes.flatMap((route): [string, JsonObject][] => {
    const operations = operationsOf(route, options)
    return Object.keys(operations).length === 0 ? [] : [[`/${route.path}`, { ...pathParameters(route), ...operations }]]
  })
  const named = new Set(paths.map(([path]) => path))
  const shown = types.filter(({ name }) => named.has(`/managed/${name}`) || named.has(`/managed/${name}/{id}`))
  return {
    openapi: '3.1.0',
    info: {
      title: 'openidm-external-idm',
      version,
      description: 'Common REST. What a remote serves is below /external/idm/NAME/.',
    },
    servers: [{ url: './' }],
    paths: Object.fromEntries(paths),
    components: {
      schemas: {
        ...SHAPES,
        ...Object.fromEntries(shown.map(({ name, schema }) => [shapeName(name), typeSchema(schema)])),
      },
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ basic: [] }, { bearer: [] }],
  }
}

/** Names of components know no braces. */
const shapeName = (type: string): string => `managed-${type.replaceAll(/[^\w.-]/g, '')}`

const CHECK = { name: 'triggerSyncCheck', summary: 'Synchronize objects as they are' }

function routesOfType({ name, schema: { required } }: DescribedType): DescribedRoute[] {
  const common = { route: `managed/${name}`, ...(Array.isArray(required) && { required: required.map(String) }) }
  return [
    {
      ...{ ...common, path: `managed/${name}`, summary: `Objects of ${name}`, methods: ['query', 'create'] },
      actions: [PATCH_BY_QUERY, CHECK],
    },
    {
      ...{ ...common, path: `managed/${name}/{id}`, summary: `An object of ${name}` },
      methods: ['read', 'create', 'update', 'patch', 'delete'],
      actions: [{ ...PATCH_BY_QUERY, summary: 'The same as PATCH' }, CHECK],
    },
  ]
}

/** Custom endpoints, and routes of other plugins: only the methods that they take are known. */
function othersOf(
  served: NonNullable<DescriptionOptions['served']>,
  known: readonly DescribedRoute[],
): DescribedRoute[] {
  const named = new Set(known.map(({ route }) => route))
  return [...served].flatMap(([route, methods]) =>
    named.has(route)
      ? []
      : [
          {
            ...{ path: route, route, summary: route, anyAction: methods.includes('action') },
            methods: methods.filter((method) => method !== 'action'),
          },
        ],
  )
}

function operationsOf(route: DescribedRoute, { mayUse = () => true }: DescriptionOptions): JsonObject {
  // Any id: rules that allow some objects allow none of these.
  const path = route.path.replaceAll(/\{(\w+)\}/g, '$1')
  const may = (method: Operation['method'], action?: string) =>
    mayUse(path, { method, ...(action !== undefined && { action }) })
  const { methods } = route
  const shape = shapeFor(route)
  const takes = (method: (typeof methods)[number]) => methods.includes(method) && may(method)
  if (route.page) return takes('read') ? { get: pageOf(route, route.page) } : {}
  const isItem = methods.includes('update')
  const posts: readonly Post[] = [
    ...(route.actions ?? []).filter(({ name }) => may('action', name)).map((action) => actionOf(action)),
    ...(!isItem && takes('create')
      ? [{ name: 'create', summary: 'Create an object', body: shape, answer: shape }]
      : []),
  ]
  return {
    ...((takes('read') || takes('query')) && { get: getOf(route, shape, takes('query'), takes('read')) }),
    ...(posts.length > 0 && { post: postOf(route, posts) }),
    ...(route.anyAction && may('action', '*') && { post: anyPostOf(route) }),
    ...(isItem && (takes('update') || takes('create')) && { put: putOf(route, shape) }),
    ...(takes('patch') && {
      patch: {
        ...said(route, 'patch', 'Change'),
        ...bodyOf('Patch'),
        parameters: [IF_MATCH],
        responses: answered(shape),
      },
    }),
    ...(takes('delete') && {
      delete: { ...said(route, 'delete', 'Delete'), parameters: [IF_MATCH], responses: answered(shape) },
    }),
  }
}

const shapeFor = ({ path, shape }: DescribedRoute): string => {
  const [first, type = ''] = path.split('/')
  return shape ?? (first === 'managed' && type !== '' ? shapeName(type) : 'Resource')
}

const actionOf = ({ body = 'Any', answer = 'Any', ...action }: DescribedAction): Post => ({ ...action, body, answer })

const ref = (shape: string): JsonObject => ({ $ref: `#/components/schemas/${shape}` })
const json = (schema: JsonObject): JsonObject => ({ 'application/json': { schema } })
/** @param members that must be in it: an answer may hold fewer, by `_fields` */
const bodyOf = (shape: string, members: readonly string[] = []): JsonObject => {
  const schema = members.length === 0 ? ref(shape) : { allOf: [ref(shape), { required: [...members] }] }
  return { requestBody: { required: true, content: json(schema) } }
}
const parameter = (name: string, type: string, required = false): JsonObject => ({
  name,
  in: 'query',
  required,
  schema: { type },
})
const header = (name: string): JsonObject => ({ name, in: 'header', required: false, schema: { type: 'string' } })

const IF_MATCH = header('If-Match')
const IF_NONE_MATCH = header('If-None-Match')
const QUERY_PARAMETERS = [
  ...['_queryFilter', '_queryId', '_sortKeys', '_pagedResultsCookie', '_totalPagedResultsPolicy'].map((name) =>
    parameter(name, 'string'),
  ),
  ...['_pageSize', '_pagedResultsOffset'].map((name) => parameter(name, 'integer')),
]
const FIELDS = {
  ...parameter('_fields', 'string'),
  description: 'Members that the answer is to hold, separated by commas; it then lacks others',
}

const answered = (shape: string | JsonObject, others: JsonObject = {}): JsonObject => ({
  '200': {
    description: 'The answer',
    content: { ...json(typeof shape === 'string' ? ref(shape) : shape), ...others },
  },
  default: { description: 'An error', content: json(ref('Error')) },
})

const said = ({ path, summary, route }: DescribedRoute, verb: string, what: string): JsonObject => ({
  operationId: `${verb} ${path || '/'}`,
  summary: `${what}: ${summary}`,
  tags: [(route ?? path).split('/')[0] ?? ''],
})

function getOf(route: DescribedRoute, shape: string, queries: boolean, reads: boolean): JsonObject {
  const page = object(
    {
      result: { type: 'array', items: ref(shape) },
      resultCount: { type: 'integer' },
      pagedResultsCookie: {},
      totalPagedResults: { type: 'integer' },
    },
    ['result'],
  )
  const answer = queries && reads ? { anyOf: [page, ref('Resource')] } : queries ? page : ref(shape)
  return {
    ...said(route, 'get', queries ? 'Query' : 'Read'),
    parameters: [...(queries ? QUERY_PARAMETERS : []), FIELDS],
    responses: answered(answer, route.streams && EVENTS),
  }
}

/** Events, whose data are JSON: docs/plans-and-runs.md#follow-a-run. */
const EVENTS: JsonObject = { 'text/event-stream': { schema: { type: 'string' } } }

function pageOf(route: DescribedRoute, { type, parameters = [] }: NonNullable<DescribedRoute['page']>): JsonObject {
  const content = type === undefined ? json({ type: 'object' }) : { [type]: { schema: { type: 'string' } } }
  const lists = (name: string) => name.endsWith('[]')
  return {
    ...said(route, 'get', 'Read'),
    parameters: parameters.map((name) =>
      lists(name)
        ? { ...parameter(name.replace('[]', ''), 'array'), schema: { type: 'array', items: { type: 'string' } } }
        : parameter(name, 'string'),
    ),
    responses: { ...answered('Resource'), '200': { description: 'The answer', content } },
  }
}

const anyPostOf = (route: DescribedRoute): JsonObject => ({
  ...said(route, 'post', 'Act'),
  parameters: [parameter('_action', 'string'), FIELDS],
  requestBody: { required: false, content: json({}) },
  responses: { ...answered({}), '201': { description: 'Created' } },
})

/** With the names of its schemas. */
interface Post extends Omit<DescribedAction, 'body' | 'answer'> {
  readonly body: string
  readonly answer: string
}

function postOf(route: DescribedRoute, actions: readonly Post[]): JsonObject {
  const parameters = new Map(
    actions.flatMap(({ parameters: names = [] }) => names).map((name) => [name.replace('*', ''), name]),
  )
  const oneOf = (shapes: readonly string[]): JsonObject => {
    const [first = 'Any', ...others] = new Set(shapes)
    return others.length === 0 ? ref(first) : { anyOf: [first, ...others].map(ref) }
  }
  // Most actions take none.
  const bodies = actions.flatMap(({ body }) => (body === 'Any' ? [] : [body]))
  const isRequired = (name: string) => actions.every((action) => action.parameters?.includes(`${name}*`))
  return {
    ...said(route, 'post', 'Act'),
    description: actions.map(({ name, summary }) => `- \`${name}\`: ${summary}`).join('\n'),
    parameters: [
      { name: '_action', in: 'query', required: true, schema: { enum: actions.map(({ name }) => name) } },
      ...[...parameters.keys()].map((name) => parameter(name, 'string', isRequired(name))),
      FIELDS,
    ],
    requestBody: { required: false, content: json(oneOf(bodies)) },
    responses: { ...answered(oneOf(actions.map(({ answer }) => answer))), '201': { description: 'Created' } },
  }
}

const putOf = (route: DescribedRoute, shape: string): JsonObject => ({
  ...said(route, 'put', 'Create or update'),
  ...bodyOf(shape, route.required),
  parameters: [IF_MATCH, IF_NONE_MATCH, FIELDS],
  responses: { ...answered(shape), ...{ '201': { description: 'Created', content: json(ref(shape)) } } },
})

const pathParameters = ({ path }: DescribedRoute): JsonObject => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  if (names.length === 0) return {}
  return { parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })) }
}
