/** Builds an OpenAPI 3.1 document from the table of routes, the schemas, and the managed types. */
import type { JsonObject } from '../../contract.ts'
import type { Operation } from '../../crest/http/effective-request.ts'
import { type DescribedAction, type DescribedRoute, ROUTES } from './routes.ts'
import { object, SHAPES, typeSchema } from './shapes.ts'

export interface DescribedType {
  readonly name: string
  /** As `schema/managed/TYPE` answers it. */
  readonly schema: JsonObject
}

export interface DescriptionOptions {
  readonly version: string
  readonly types: readonly DescribedType[]
  /** Whether a route of the router is served. Default: all are. */
  readonly isServed?: (route: string) => boolean
  /** Whether the reader may do this. Default: everything. */
  readonly mayUse?: (path: string, operation: Operation) => boolean
}

/** What the reader may use of what is served. */
export function describeApi(options: DescriptionOptions): JsonObject {
  const { version, types, isServed = () => true } = options
  const routes = [...ROUTES.filter(({ route }) => isServed(route)), ...types.flatMap(({ name }) => routesOfType(name))]
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

const routesOfType = (name: string): DescribedRoute[] => [
  { path: `managed/${name}`, route: `managed/${name}`, summary: `Objects of ${name}`, methods: ['query', 'create'] },
  {
    path: `managed/${name}/{id}`,
    route: `managed/${name}`,
    summary: `An object of ${name}`,
    methods: ['read', 'create', 'update', 'patch', 'delete'],
  },
]

function operationsOf(route: DescribedRoute, { mayUse = () => true }: DescriptionOptions): JsonObject {
  // Any id: rules that allow some objects allow none of these.
  const path = route.path.replaceAll(/\{(\w+)\}/g, '$1')
  const may = (method: Operation['method'], action?: string) =>
    mayUse(path, { method, ...(action !== undefined && { action }) })
  const { methods } = route
  const shape = shapeFor(route)
  const takes = (method: (typeof methods)[number]) => methods.includes(method) && may(method)
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

const actionOf = ({ body, answer, ...action }: DescribedAction): Post => ({
  ...action,
  body: body ?? 'Resource',
  answer: answer ?? 'Resource',
})

const ref = (shape: string): JsonObject => ({ $ref: `#/components/schemas/${shape}` })
const json = (schema: JsonObject): JsonObject => ({ 'application/json': { schema } })
const bodyOf = (shape: string, required = true): JsonObject => ({
  requestBody: { required, content: json(ref(shape)) },
})
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
const FIELDS = parameter('_fields', 'string')

const answered = (shape: string | JsonObject, others: JsonObject = {}): JsonObject => ({
  '200': {
    description: 'The answer',
    content: { ...json(typeof shape === 'string' ? ref(shape) : shape), ...others },
  },
  default: { description: 'An error', content: json(ref('Error')) },
})

const said = ({ path, summary, route }: DescribedRoute, verb: string, what: string): JsonObject => ({
  operationId: `${verb} ${path}`,
  summary: `${what}: ${summary}`,
  tags: [route.split('/')[0] ?? ''],
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
    const [first = 'Resource', ...others] = new Set(shapes)
    return others.length === 0 ? ref(first) : { anyOf: [first, ...others].map(ref) }
  }
  const isRequired = (name: string) => actions.every((action) => action.parameters?.includes(`${name}*`))
  return {
    ...said(route, 'post', 'Act'),
    description: actions.map(({ name, summary }) => `- \`${name}\`: ${summary}`).join('\n'),
    parameters: [
      { name: '_action', in: 'query', required: true, schema: { enum: actions.map(({ name }) => name) } },
      ...[...parameters.keys()].map((name) => parameter(name, 'string', isRequired(name))),
      FIELDS,
    ],
    requestBody: { required: false, content: json(oneOf(actions.map(({ body }) => body))) },
    responses: { ...answered(oneOf(actions.map(({ answer }) => answer))), '201': { description: 'Created' } },
  }
}

const putOf = (route: DescribedRoute, shape: string): JsonObject => ({
  ...said(route, 'put', 'Create or update'),
  ...bodyOf(shape),
  parameters: [IF_MATCH, IF_NONE_MATCH, FIELDS],
  responses: { ...answered(shape), ...{ '201': { description: 'Created', content: json(ref(shape)) } } },
})

const pathParameters = ({ path }: DescribedRoute): JsonObject => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  if (names.length === 0) return {}
  return { parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })) }
}
