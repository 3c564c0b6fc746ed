/** The printed schema is current, holds the fixed contract, and every element says what it is for. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type GraphQLArgument,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  printSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'

const types = Object.values(schema.getTypeMap()).filter(
  type => !type.name.startsWith('__') && !isSpecifiedScalarType(type),
)

test('schema/schema.graphql is what `npm run schema` prints', () => {
  const printed = readFileSync(join(import.meta.dirname, '../../schema/schema.graphql'), 'utf8')
  expect(printed).toBe(`${printSchema(schema)}\n`)
})

test('every type, field, argument and value has a description', () => {
  const missing = types.flatMap(type => {
    const own = type.description ? [] : [type.name]
    if (isEnumType(type))
      return [
        ...own,
        ...type
          .getValues()
          .filter(value => !value.description)
          .map(value => `${type.name}.${value.name}`),
      ]
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return own
    const fields = Object.values(type.getFields())
    const args = fields.flatMap(field =>
      'args' in field
        ? field.args.map((arg: GraphQLArgument) => ({
            name: `${field.name}(${arg.name}:)`,
            description: arg.description,
          }))
        : [],
    )
    return [
      ...own,
      ...[...fields, ...args].filter(element => !element.description).map(element => `${type.name}.${element.name}`),
    ]
  })
  expect(missing).toEqual([])
})

test.each([
  [
    'Query',
    'passthrough',
    'PassthroughResult',
    ['body', 'connectionId', 'endUserId', 'headers', 'integration', 'method', 'options', 'path', 'query'],
  ],
  [
    'Mutation',
    'passthrough',
    'PassthroughResult',
    ['body', 'connectionId', 'endUserId', 'headers', 'integration', 'method', 'options', 'path', 'query'],
  ],
  ['Connection', 'passthrough', 'PassthroughResult', ['headers', 'method', 'options', 'path', 'query']],
  ['Query', 'connections', 'QueryConnectionsConnection!', ['after', 'before', 'filter', 'first', 'last', 'orderBy']],
  ['Query', 'integrations', 'QueryIntegrationsConnection!', ['after', 'before', 'filter', 'first', 'last']],
  ['Query', 'calls', 'QueryCallsConnection!', ['after', 'before', 'filter', 'first', 'last']],
  ['Query', 'viewer', 'Viewer!', []],
  ['Query', 'node', 'Node', ['id']],
  ['PassthroughResult', 'body', 'JSON', []],
  ['PassthroughResult', 'connection', 'Connection!', []],
  ['PassthroughResult', 'headers', '[HttpHeader!]!', []],
  ['PassthroughResult', 'durationMs', 'Float!', []],
  ['CreateAccessKeyPayload', 'secret', 'String!', []],
])('the contract’s %s.%s is %s', (typeName, fieldName, fieldType, args) => {
  const type = schema.getType(typeName)
  const field = isObjectType(type) ? type.getFields()[fieldName] : undefined
  expect(String(field?.type)).toBe(fieldType)
  expect(field?.args.map(arg => arg.name).sort()).toEqual(args)
})

test('no type of the public schema names a sealed thing', () => {
  const names = types.flatMap(type => (isObjectType(type) ? Object.values(type.getFields()) : []))
  const suspicious = names
    .filter(field => /seal|hash|credential|password/i.test(field.name))
    .map(field => `${field.name}: ${getNamedType(field.type)}`)
  expect(suspicious).toEqual([])
})
