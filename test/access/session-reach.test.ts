/** A session that names integrations or connections names such as there are, or is not made. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/store/ids.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway
let stranger: string
const ids: Record<string, string> = {}

const mint = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { id } }'
const refuse = async (input: object) => (await gateway.run(mint, { i: { endUserId: 'ann', ...input } })).errors?.[0]

beforeAll(async () => {
  gateway = stack.use(await createGateway())
  stranger = await gateway.createWorkspace()
  const own = { slug: 'own', name: 'Own', baseUrl: 'https://own.example', auth: [{ scheme: 'bearer' }] }
  const theirs = { ...own, slug: 'theirs' }
  await gateway.createIntegration(own)
  const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { id } } }'
  await gateway.ask(define, { d: theirs }, stranger)
  const connect = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  const credential = { bearer: { token: 't' } }
  for (const endUserId of ['ann', 'bob']) {
    ids[endUserId] = await gateway.createConnection({ integration: 'own', endUserId, credential })
  }
  const made = await gateway.ask(connect, { i: { integration: 'theirs', endUserId: 'ann', credential } }, stranger)
  ids.stranger = made.createConnection.connection.id
})
afterAll(() => stack.disposeAsync())

test('its own and built-in integrations, and connections of its end user, are taken', async () => {
  const input = { endUserId: 'ann', integrations: ['own', 'github'], connections: [ids.ann] }
  expect((await gateway.ask(mint, { i: input })).createSession.id).toMatch(/^ses_/)
})

test('integrations that the workspace has not are named, those of others like those that are nowhere', async () => {
  const error = await refuse({ integrations: ['own', 'nope', 'theirs'] })
  expect(error?.extensions).toMatchObject({ code: 'INVALID_INPUT' })
  expect(error?.extensions.details).toEqual([
    {
      field: 'integrations.1',
      message: 'integrations.1 got "nope"; it takes the slug of an integration of the workspace.',
    },
    {
      field: 'integrations.2',
      message: 'integrations.2 got "theirs"; it takes the slug of an integration of the workspace.',
    },
  ])
})

test('connections that are not the end user’s are named, in one sentence for all of them', async () => {
  const others = [ids.bob, ids.stranger, newId('conn'), 'conn_x', 'x']
  const error = await refuse({ connections: [ids.ann, ...others] })
  expect(error?.extensions).toMatchObject({ code: 'INVALID_INPUT' })
  expect(error?.extensions.details).toEqual(
    others.map((id, at) => ({
      field: `connections.${at + 1}`,
      message: `connections.${at + 1} got "${id}"; it takes the id of a connection of the end user.`,
    })),
  )
})

test('both are told at once, and nothing is made', async () => {
  const count = async () => (await gateway.ask('{ sessions(first: 99) { nodes { id } } }')).sessions.nodes.length
  const before = await count()
  const error = await refuse({ integrations: ['nope'], connections: ['conn_x'] })
  expect(error?.extensions.details).toMatchObject([{ field: 'integrations.0' }, { field: 'connections.0' }])
  expect(await count()).toBe(before)
})

describe('a refusal says what it got', () => {
  test.each<[object, string, string]>([
    [
      { endUserId: '' },
      'endUserId',
      'endUserId takes 1 to 255 characters without control characters; got an empty text.',
    ],
    [
      { endUserId: 'a'.repeat(256) },
      'endUserId',
      'endUserId takes 1 to 255 characters without control characters; got 256 characters.',
    ],
    [
      { endUserId: 'a\nb' },
      'endUserId',
      'endUserId takes 1 to 255 characters without control characters; got a control character.',
    ],
    [{ integrations: [] }, 'integrations', 'integrations takes 1 to 100 names, or nothing at all for any; got 0.'],
    [
      { integrations: Array.from({ length: 101 }, () => 'own') },
      'integrations',
      'integrations takes 1 to 100 names, or nothing at all for any; got 101.',
    ],
    [{ integrations: ['own', ''] }, 'integrations.1', 'integrations.1 takes 1 to 100 characters; got an empty text.'],
    [
      { connections: ['c'.repeat(101)] },
      'connections.0',
      'connections.0 takes 1 to 100 characters; got 101 characters.',
    ],
  ])('%j', async (input, field, message) => {
    const error = await refuse(input)
    expect(error?.message).toBe(message)
    expect(error?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field, message }] })
  })
})
