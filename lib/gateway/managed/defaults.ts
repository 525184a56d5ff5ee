import type { ManagedConfiguration, PropertyConfiguration } from './schema.ts'

const text: PropertyConfiguration = { type: 'string' }
const searchable: PropertyConfiguration = { type: 'string', searchable: true }
const one: PropertyConfiguration = { type: 'relationship' }
const many: PropertyConfiguration = { type: 'array', items: { type: 'relationship' } }

/** In force without a `conf/managed.json`: the types of IDM with their most important properties. */
export const defaultManaged: ManagedConfiguration = {
  objects: [
    {
      name: 'user',
      schema: {
        properties: {
          userName: {
            ...searchable,
            policies: [
              { policyId: 'unique' },
              { policyId: 'cannot-contain-characters', params: { forbiddenChars: ['/'] } },
            ],
          },
          password: {
            type: 'string',
            scope: 'private',
            isProtected: true,
            secureHash: { algorithm: 'SCRYPT' },
            policies: [{ policyId: 'minimum-length', params: { minLength: 8 } }],
          },
          givenName: searchable,
          sn: searchable,
          mail: { ...searchable, policies: [{ policyId: 'valid-email-address-format' }] },
          description: text,
          accountStatus: { ...searchable, default: 'active' },
          telephoneNumber: text,
          postalAddress: text,
          city: text,
          postalCode: text,
          country: text,
          stateProvince: text,
          preferences: { type: 'object' },
          roles: many,
          authzRoles: many,
          manager: one,
          reports: many,
        },
        required: ['userName', 'givenName', 'sn', 'mail'],
      },
    },
    {
      name: 'role',
      schema: {
        properties: { name: searchable, description: text, members: many, assignments: many },
        required: ['name'],
      },
    },
    {
      name: 'assignment',
      schema: {
        properties: { name: searchable, description: text, mapping: text, roles: many, members: many },
        required: ['name', 'mapping'],
      },
    },
    {
      name: 'organization',
      schema: {
        properties: {
          name: searchable,
          description: text,
          owners: many,
          admins: many,
          members: many,
          parent: one,
          children: many,
        },
        required: ['name'],
      },
    },
  ],
}
