/** The published JSON Schema is the parser's own shape, and it is current. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { integrationJsonSchema } from '../../src/catalog/json-schema.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { definition } from './definition.ts'

interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
  readonly const?: unknown
}

const printed: Schema = JSON.parse(
  readFileSync(new URL('../../schema/integration.schema.json', import.meta.url), 'utf8'),
)

/** The structure only: types, known and required fields. Texts are the parser's business. */
function fits(schema: Schema, value: unknown): boolean {
  if (schema.oneOf) return schema.oneOf.filter(option => fits(option, value)).length === 1
  if ('const' in schema && schema.const !== value) return false
  if (typeof schema.type === 'object')
    return schema.type.some(type => (type === 'null' ? value === null : fits({ type }, value)))
  if (schema.type === 'array') return Array.isArray(value) && value.every(item => fits(schema.items ?? {}, item))
  if (schema.type === 'integer') return Number.isInteger(value)
  if (schema.type !== 'object') return schema.type === undefined || typeof value === schema.type
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { properties = {}, additionalProperties: others, required = [] } = schema
  return (
    required.every(name => name in value) &&
    Object.entries(value).every(([name, field]) => {
      const known = properties[name] ?? others
      return typeof known === 'object' ? fits(known, field) : known !== false
    })
  )
}

function parses(document: unknown): boolean {
  try {
    parseIntegration(document)
    return true
  } catch {
    return false
  }
}

describe('schema/integration.schema.json', () => {
  it('is current', () => {
    expect(printed).toEqual(JSON.parse(JSON.stringify(integrationJsonSchema())))
  })

  it('is JSON Schema 2020-12 and describes its fields', () => {
    expect(printed).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Passgate integration',
      required: ['slug', 'name', 'baseUrl', 'auth'],
      additionalProperties: false,
      properties: { arrayFormat: { enum: ['repeat', 'comma', 'brackets', 'indices'], default: 'repeat' } },
    })
  })

  it('takes every built-in entry', () => {
    for (const entry of Catalog.load().list()) expect([entry.slug, fits(printed, entry)]).toEqual([entry.slug, true])
  })

  it.each([
    definition(),
    definition({ $schema: 'x', auth: [{ scheme: 'apiKey', inject: { query: { k: '{apiKey}' } } }] }),
    definition({ pagination: { type: 'link' }, retry: { statuses: [423] }, verify: { path: '/me' } }),
    definition({ verify: { path: '/me', refused: [401] } }),
    definition({ verify: { path: '/me', refused: 401 } }),
    definition({ verify: { path: '/me', refused: ['401'] } }),
    definition({ unknown: 1 }),
    definition({ auth: undefined }),
    definition({ auth: [{ scheme: 'apiKey' }] }),
    definition({ auth: [{ scheme: 'jwt' }] }),
    definition({ auth: [{ scheme: 'bearer', token: 'x' }] }),
    definition({ pagination: { type: 'cursor', cursorParam: 'c' } }),
    definition({ config: { a: {} } }),
    definition({ headers: { a: 1 } }),
  ])('agrees with the parser on %j', document => {
    const json = JSON.parse(JSON.stringify(document))
    expect(fits(printed, json)).toBe(parses(json))
  })
})
