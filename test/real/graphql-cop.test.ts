/** What graphql-cop looks for is not found at a gateway as it is run in production; at an unprotected server the same probes do find it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSchema, createYoga } from 'graphql-yoga'
import { expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { type Answer, probes } from './graphql-cop-probes.ts'

async function findAll(url: string): Promise<string[]> {
  const found: string[] = []
  for (const { name, send, finds } of probes) if (finds(await send(url))) found.push(name)
  return found
}

test('there are twelve probes, and each reaches a GraphQL server', async () => {
  await using gateway = await createGateway()
  expect(probes).toHaveLength(12)
  for (const { name, send } of probes) {
    const { json, text } = await send(`${gateway.url}graphql`)
    const isAnswer = json?.data !== undefined || json?.errors?.length > 0
    expect(isAnswer || text.includes('GraphiQL'), name).toBe(true)
  }
})

test('an unprotected server has nearly all that is looked for', async () => {
  const yoga = createYoga({
    schema: createSchema({ typeDefs: 'type Query { hello: String } type Mutation { hello: String }' }),
    batching: true,
    logging: false,
  })
  const server = createServer((request, response) => void yoga(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    expect(await findAll(`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`)).toEqual([
      'field suggestions',
      'introspection',
      'a GraphQL IDE',
      'queries by GET',
      'alias overloading',
      'batches',
      'directive overloading',
      'queries as forms',
    ])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test.each<[string, unknown]>([
  ['tracing', { data: { __typename: 'Query' }, extensions: { tracing: {} } }],
  ['introspection in circles', { data: { __schema: { types: Array(26).fill({}) } } }],
  ['mutations by GET', { data: { __typename: 'Mutation' } }],
  ['unhandled errors', { errors: [{ message: 'x', extensions: { exception: { stacktrace: [] } } }] }],
])('and the probe for %s would see it, too', (name, json) => {
  const answer: Answer = { json, text: JSON.stringify(json) }
  expect(probes.find(probe => probe.name === name)?.finds(answer)).toBe(true)
})

test('a gateway as it comes shows its schema and answers a GET, and nothing else', async () => {
  await using gateway = await createGateway()
  expect(await findAll(`${gateway.url}graphql`)).toEqual([
    'field suggestions',
    'introspection',
    'a GraphQL IDE',
    'queries by GET',
  ])
})

test('in production settings nothing is found', async () => {
  await using gateway = await createGateway({ env: { PASSGATE_INTROSPECTION: 'off', PASSGATE_GRAPHIQL: 'off' } })
  expect(await findAll(`${gateway.url}graphql`)).toEqual([])
  expect(await gateway.ask('{ viewer { __typename name } }')).toMatchObject({
    viewer: { __typename: expect.any(String) },
  })
})
