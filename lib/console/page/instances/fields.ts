/** The form of an instance, from its JSON Schema: fields with their texts, and back to a configuration object. */
import form from 'instance-form'
import type { Json, JsonObject } from '../api.ts'

export interface ObjectSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, PropertySchema>>
  readonly required?: readonly string[]
}

interface ValueSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly const?: string
  readonly default?: Json
  readonly properties?: Readonly<Record<string, PropertySchema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly ValueSchema[]
}

/** The value itself, or an expression or encrypted value in its place. */
type PropertySchema = ValueSchema & { readonly anyOf?: readonly [ValueSchema, ...ValueSchema[]] }

export interface FormField {
  /** `password`, `proxy/proxyUri`. */
  readonly name: string
  readonly hint: string
  readonly isSecret: boolean
  readonly isAddress: boolean
  readonly isRequired: boolean
  readonly type: 'text' | 'number' | 'list' | 'choice'
  readonly choices: readonly string[]
  readonly byDefault: string
}

export const AUTH_TYPES = form.schema.oneOf.map(({ properties }) => properties.authType?.const ?? '')

/** The fields of a way to sign in, those of objects within after `NAME/`. */
export function fieldsOf(authType: string): FormField[] {
  const variant = form.schema.oneOf.find(({ properties }) => properties.authType?.const === authType)
  return variant ? fieldsIn(variant, '').filter(({ name }) => name !== 'authType') : []
}

function fieldsIn(
  { properties = {}, required = [] }: Pick<ValueSchema, 'properties' | 'required'>,
  prefix: string,
): FormField[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    const name = prefix + key
    const [value] = property.anyOf ?? [property]
    if (value.properties) return fieldsIn({ ...value, required: [] }, `${name}/`)
    return [
      {
        name,
        hint: form.hints[name] ?? '',
        isSecret: form.secretFields.includes(name),
        isAddress: form.addressFields.includes(name),
        isRequired: required.includes(key),
        ...controlOf(value),
        byDefault:
          value.default === undefined || (Array.isArray(value.default) && value.default.length === 0)
            ? ''
            : String(value.default),
      },
    ]
  })
}

function controlOf({ type, enum: choices, anyOf = [] }: ValueSchema): Pick<FormField, 'type' | 'choices'> {
  if (choices) return { type: 'choice', choices }
  if (type === 'boolean') return { type: 'choice', choices: ['true', 'false'] }
  if (type === 'integer') return { type: 'number', choices: [] }
  return { type: anyOf.some((one) => one.type === 'array') ? 'list' : 'text', choices: [] }
}

export type Texts = Readonly<Record<string, string>>

/** What the fields show. Secrets are write-only, so theirs are empty. */
export function textsOf(content: JsonObject, fields: readonly FormField[]): Texts {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      field.isSecret && !isExpression(at(content, field.name)) ? '' : textOf(at(content, field.name)),
    ]),
  )
}

/** An expression is no secret: it says where one is. */
const isExpression = (value: Json | undefined): boolean => typeof value === 'string' && /^&\{[^}]*\}$/.test(value)

const textOf = (value: Json | undefined): string => {
  if (value === undefined) return ''
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Whether a secret is stored, which an empty field keeps. */
export const isStored = (content: JsonObject, { name }: FormField): boolean => at(content, name) !== undefined

/** Whether the secrets have to be given again: one is never sent to an address that it was not given for. */
export const movesSecrets = (content: JsonObject, texts: Texts, fields: readonly FormField[]): boolean =>
  fields.some(
    ({ name, isAddress }) => isAddress && at(content, name) !== undefined && textOf(at(content, name)) !== texts[name],
  )

/** The object to store: what is unchanged stays as it is, members that the form does not know among it. */
export function contentOf(
  before: JsonObject,
  authType: string,
  texts: Texts,
  fields: readonly FormField[],
): JsonObject {
  const { _id, ...content } = structuredClone(before)
  // Of the other way to sign in.
  const known = new Set(AUTH_TYPES.flatMap((name) => fieldsOf(name).map((field) => field.name)))
  for (const name of known) if (!fields.some((field) => field.name === name)) put(content, name, undefined)
  content.authType = authType
  for (const field of fields) {
    const text = texts[field.name] ?? ''
    const value = at(before, field.name)
    if (text === textOf(value) || (field.isSecret && text === '' && value !== undefined)) continue
    put(content, field.name, text === '' ? undefined : parsed(field, text))
  }
  return content
}

function parsed({ type, choices }: FormField, text: string): Json {
  if (type === 'number' && /^-?\d+$/.test(text)) return Number(text)
  if (choices.includes('true') && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'list') return text.trim().split(/\s+/)
  return text
}

function at(content: JsonObject, name: string): Json | undefined {
  let value: Json | undefined = content
  for (const key of name.split('/'))
    value = value !== null && typeof value === 'object' && !Array.isArray(value) ? value[key] : undefined
  return value
}

function put(content: JsonObject, name: string, value: Json | undefined): void {
  const [first = '', second] = name.split('/')
  if (second === undefined) {
    if (value === undefined) delete content[first]
    else content[first] = value
    return
  }
  const inner = { ...((content[first] as JsonObject | undefined) ?? {}) }
  if (value === undefined) delete inner[second]
  else inner[second] = value
  if (Object.keys(inner).length === 0) delete content[first]
  else content[first] = inner
}
