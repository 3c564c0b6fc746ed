/** What a wrong document or variable is answered with: the field and what it takes, and never the value. */
import { describe, expect, test } from 'vitest'
import { describeRequestError } from '../../src/graphql/request-error.ts'
import { createGateway } from '../support/gateway.ts'

const create = 'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
const wrap = (credential: unknown) => ({ input: { integration: 'github', endUserId: 'u', credential } })

test('wrong variables name their field and repeat no value', async () => {
  await using gateway = await createGateway()
  const cases: [unknown, string, string][] = [
    [
      { apiKey: { key: 'canary', more: 'canary' } },
      'credential.apiKey',
      'Expected value of type "ApiKeyCredentialInput" not to include unknown field "more"',
    ],
    [{ apiKey: { key: 5 } }, 'credential.apiKey.key', 'String cannot represent a non string value'],
    [
      { apiKey: {} },
      'credential.apiKey',
      'Expected value of type "ApiKeyCredentialInput" to include required field "key"',
    ],
    [
      { apiKey: 'canary; A at "x"; B' },
      'credential.apiKey',
      'Expected value of type "ApiKeyCredentialInput" to be an object',
    ],
    [
      { oauth2: { accessToken: 'canary', expiresAt: 'canary; At once' } },
      'credential.oauth2.expiresAt',
      'DateTime takes RFC 3339 text such as 2026-11-21T09:30:00Z; got a text of 15 characters',
    ],
    [
      { apiKey: { key: 'canary' }, bearer: { token: 'canary' } },
      'credential',
      'Within OneOf Input Object type "CredentialInput", exactly one field must be specified, and the value for that field must be non-null',
    ],
  ]
  for (const [credential, field, reason] of cases) {
    const { errors, text } = await gateway.run(create, wrap(credential))
    const message = `${field} is wrong: ${reason}.`
    expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } }])
    expect(text).not.toContain('canary')
  }
})

describe('a wrong document', () => {
  test.each([
    ['{ viewer { secret } }', 'Cannot query field "secret" on type "Viewer".'],
    ['{ viewer { name }', 'Syntax Error: Expected Name, found <EOF>.'],
    ['{ passthrough(path: "canary" "canary") { status } }', 'Syntax Error: Expected Name, found String.'],
    ['{ passthrough(path: 12345) { status } }', 'String cannot represent a non string value.'],
    [
      '{ connections(filter: {status: GONE}) { nodes { id } } }',
      'Value "GONE" does not exist in "ConnectionStatus" enum.',
    ],
    [
      'mutation { createConnection(input: {integration: "x", endUserId: "u", credential: {apiKey: {key: "k", more: "canary"}}}) { connection { id } } }',
      'Expected value of type "ApiKeyCredentialInput" not to include unknown field "more".',
    ],
  ])('%s is told as %s', async (query, message) => {
    await using gateway = await createGateway()
    const { errors, text } = await gateway.run(query)
    expect(errors?.[0]).toMatchObject({ message, extensions: { code: 'INVALID_INPUT' } })
    expect(text).not.toContain('canary')
  })
})

test('a sentence that is not known keeps nothing but the field', () => {
  expect(
    describeRequestError('Variable "$input" got invalid value "canary; A" at "input.a[0].b"; Something canary.')
      .message,
  ).toBe('a[0].b is wrong: it is not of the type that the schema says.')
  expect(describeRequestError('Variable "$x" got invalid value "canary; Acanary"; Other canary.').message).toBe(
    'x is wrong: it is not of the type that the schema says.',
  )
})

test('a message without end takes no time beyond its length', () => {
  const long = `Variable "$x" got invalid value "${'"; A cannot represent Expected value of type "'.repeat(100_000)}"; Expected`
  expect(describeRequestError(long).message).toBe('x is wrong: it is not of the type that the schema says.')
})

test('introspection in circles hears how deep it may be', async () => {
  await using gateway = await createGateway()
  const nested = (levels: number): string => (levels === 0 ? '{ name }' : `{ fields { type ${nested(levels - 1)} } }`)
  const { errors } = await gateway.run(`{ __type(name: "Query") ${nested(3)} }`)
  expect(errors).toMatchObject([
    {
      message:
        'The introspection nests lists of fields or types at least 3 deep; it takes at most 2. Ask for fewer levels, or for __type by name.',
      extensions: { code: 'INVALID_INPUT' },
    },
  ])
  expect((await gateway.run(`{ __type(name: "Query") ${nested(2)} }`)).errors).toBeUndefined()
})
