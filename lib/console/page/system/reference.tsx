import { useState } from 'preact/hooks'
import { call, type JsonObject } from '../api.ts'
import { useLoad } from '../ui/hooks.ts'
import { Badge, Field, Loading, Note, Page } from '../ui/parts.tsx'

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>
}

type Content = Readonly<Record<string, { readonly schema: JsonObject }>>

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> }
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

/** What this account may use, as the gateway describes it. */
export function Reference() {
  const loaded = useLoad('reference', (signal) => call<Description>('GET', '', { params: { _api: '' }, signal }))
  const [search, setSearch] = useState('')
  return (
    <Page title="REST reference">
      <Note>
        What your account may use, by the access rules in force. The same as OpenAPI 3.1:{' '}
        <code>GET /openidm/?_api</code>
      </Note>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Field label="Search">
          {(props) => (
            <input {...props} type="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
          )}
        </Field>
      </form>
      <Loading of={loaded}>
        {({ paths, components }) => (
          <>
            {Object.entries(paths)
              .filter(([path]) => path.toLowerCase().includes(search.toLowerCase()))
              .map(([path, operations]) => (
                <PathView key={path} path={path} operations={operations} />
              ))}
            <h2>Schemas</h2>
            {Object.entries(components.schemas).map(([name, schema]) => (
              <details key={name} class="card">
                <summary>{name}</summary>
                <pre class="code">{JSON.stringify(schema, null, 2)}</pre>
              </details>
            ))}
          </>
        )}
      </Loading>
    </Page>
  )
}

function PathView({ path, operations }: { path: string; operations: Readonly<Record<string, Operation>> }) {
  return (
    <details class="card">
      <summary>
        <code>{path}</code>{' '}
        {METHODS.filter((method) => operations[method]).map((method) => (
          <span key={method}>
            <Badge tone="plain">{method.toUpperCase()}</Badge>{' '}
          </span>
        ))}
      </summary>
      {METHODS.map((method) => {
        const operation = operations[method]
        return operation && <OperationView key={method} method={method} operation={operation} />
      })}
    </details>
  )
}

function OperationView({ method, operation }: { method: string; operation: Operation }) {
  const { summary, description, parameters = [], requestBody, responses = {} } = operation
  return (
    <>
      <h3>
        {method.toUpperCase()}: {summary}
      </h3>
      {description && (
        <ul>
          {description.split('\n').map((line) => (
            <li key={line}>{line.replace(/^- /, '').replaceAll('`', '')}</li>
          ))}
        </ul>
      )}
      {parameters.length > 0 && (
        <p class="note">
          Parameters:{' '}
          {parameters
            .map(
              ({ name, required, in: place }) =>
                `${name}${required ? ' (required)' : ''}${place === 'header' ? ' (header)' : ''}`,
            )
            .join(', ')}
        </p>
      )}
      {requestBody && <p class="note">Body: {namesIn(requestBody.content)}</p>}
      <p class="note">Answer: {namesIn(responses['200']?.content)}</p>
    </>
  )
}

/** The schemas that are referred to. */
const namesIn = (content: Content | undefined): string => {
  const names = [...JSON.stringify(content ?? {}).matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name)
  return names.length === 0 ? 'any' : [...new Set(names)].join(' or ')
}
