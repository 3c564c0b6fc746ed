/** The subscription: what happens to connections arrives over server-sent events, for as long as the key may listen. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { appendEvent } from '../../src/store/connection-events.ts'
import { appendSome, eventOf } from '../store/event-fixtures.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { listen } from '../support/sse-messages.ts'

const acme = {
  slug: 'acme',
  name: 'Acme',
  baseUrl: 'https://api.acme.example',
  auth: [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }],
}

const subscription = `subscription($types: [ConnectionEventType!], $connectionId: ID, $integration: String, $after: ID) {
  connectionEvents(types: $types, connectionId: $connectionId, integration: $integration, after: $after) {
    id type createdAt connectionId connection { id status } data
  }
}`

describe('the subscription', () => {
  let gateway: TestGateway

  beforeAll(async () => {
    gateway = await createGateway()
    await gateway.createIntegration(acme)
    return () => gateway[Symbol.asyncDispose]()
  })
  afterEach(() => expect.poll(() => gateway.app.services.eventFeed.size).toBe(0))

  let count = 0
  beforeEach(() => {
    count += 1
  })
  const createConnection = () =>
    gateway.createConnection({
      integration: 'acme',
      endUserId: `user-${count}`,
      credential: { apiKey: { key: 'canary-credential' } },
    })

  async function createKey(scopes: string[]) {
    const query =
      'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret accessKey { id } } }'
    const { createAccessKey } = await gateway.ask(query, { input: { name: 'listener', scopes } })
    return { secret: createAccessKey.secret as string, id: createAccessKey.accessKey.id as string }
  }

  test('tells what happens to connections, with the connection as it is', async () => {
    await using stream = await listen(gateway.url, { query: subscription })
    expect([stream.status, stream.type]).toEqual([200, 'text/event-stream'])
    const id = await createConnection()
    const created = await stream.next()
    expect(created).toMatchObject({
      event: 'next',
      data: {
        data: {
          connectionEvents: {
            id: expect.stringMatching(/^evt_/),
            type: 'CONNECTION_CREATED',
            connectionId: id,
            connection: { id, status: 'ACTIVE' },
            data: {
              id,
              integration: 'acme',
              endUserId: `user-${count}`,
              status: 'ACTIVE',
              reason: null,
              account: null,
            },
          },
        },
      },
    })
    await gateway.ask('mutation($id: ID!) { deleteConnection(input: {id: $id}) { deletedConnectionId } }', { id })
    const deleted = await stream.next()
    expect(deleted?.data.data.connectionEvents).toMatchObject({ type: 'CONNECTION_DELETED', connection: null })
    expect(JSON.stringify([created, deleted])).not.toContain('canary')
  })

  test('tells only what is asked for', async () => {
    const id = await createConnection()
    await using deletions = await listen(gateway.url, {
      query: subscription,
      variables: { types: ['CONNECTION_DELETED'] },
    })
    await using ofOne = await listen(gateway.url, { query: subscription, variables: { connectionId: id } })
    await using ofOther = await listen(gateway.url, { query: subscription, variables: { integration: 'other' } })
    const { workspace } = gateway.app
    await appendSome(gateway.database.db, workspace.id, 2)
    const data = { integration: 'other' }
    await gateway.database.db.transaction(tx => appendEvent(tx, eventOf(workspace.id, { data })))
    await gateway.ask('mutation($id: ID!) { deleteConnection(input: {id: $id}) { deletedConnectionId } }', { id })
    for (const stream of [deletions, ofOne]) {
      expect((await stream.next())?.data.data.connectionEvents).toMatchObject({
        type: 'CONNECTION_DELETED',
        connectionId: id,
      })
    }
    expect((await ofOther.next())?.data.data.connectionEvents.data).toEqual(data)
  })

  test('goes on after the event that is known', async () => {
    const first = await listen(gateway.url, { query: subscription })
    await createConnection()
    const known = (await first.next())?.data.data.connectionEvents.id
    await first[Symbol.asyncDispose]()
    const happened = await appendSome(gateway.database.db, gateway.app.workspace.id, 3)
    await using second = await listen(gateway.url, { query: subscription, variables: { after: known } })
    const seen: string[] = []
    while (!happened.every(id => seen.includes(id))) {
      const event = (await second.next())?.data.data.connectionEvents
      expect(event.id).not.toBe(known)
      seen.push(event.connectionId)
    }
    expect(seen.slice(-3)).toEqual(happened)
  })

  test('tells nothing of another workspace', async () => {
    const otherKey = await gateway.createWorkspace()
    await using stream = await listen(gateway.url, { query: subscription }, otherKey)
    await createConnection()
    const { data } = await gateway.run('{ viewer { workspace { id } } }', {}, otherKey)
    const [theirs] = await appendSome(gateway.database.db, data.viewer.workspace.id, 1)
    expect((await stream.next())?.data.data.connectionEvents.connectionId).toBe(theirs)
  })

  test('tells a session of its own end user’s connections only', async () => {
    const mint = `mutation($input: CreateSessionInput!) { createSession(input: $input) { token } }`
    const input = { endUserId: 'eve', scopes: ['CONNECTIONS_READ'], expiresInSeconds: 600 }
    const { token } = (await gateway.ask(mint, { input })).createSession
    await using stream = await listen(gateway.url, { query: subscription }, token)
    expect(stream.status).toBe(200)
    await createConnection()
    const hers = { integration: 'acme', endUserId: 'eve', credential: { apiKey: { key: 'canary-credential' } } }
    const id = await gateway.createConnection(hers)
    expect((await stream.next())?.data.data.connectionEvents).toMatchObject({ connectionId: id, connection: { id } })
  })

  test('ends with an error soon after the key is deleted', async () => {
    const key = await createKey(['CONNECTIONS_READ'])
    await using stream = await listen(gateway.url, { query: subscription }, key.secret)
    await createConnection()
    expect((await stream.next())?.event).toBe('next')
    await gateway.ask('mutation($id: ID!) { deleteAccessKey(input: {id: $id}) { deletedAccessKeyId } }', { id: key.id })
    const last = await stream.next()
    expect(last?.data).toMatchObject({
      data: null,
      errors: [{ extensions: { code: 'UNAUTHENTICATED', origin: 'GATEWAY', requestId: expect.any(String) } }],
    })
    expect((await stream.next())?.event).toBe('complete')
    expect(await stream.next()).toBeUndefined()
  })

  test('sends no call any more that its key may not make any more', async () => {
    const key = await createKey(['CONNECTIONS_READ', 'PASSTHROUGH_READ'])
    const query = 'subscription { connectionEvents { connection { passthrough(path: "/secret") { status } } } }'
    await using stream = await listen(gateway.url, { query }, key.secret)
    const change = async (input: object) => {
      const update = 'mutation($i: UpdateAccessKeyInput!) { updateAccessKey(input: $i) { accessKey { id } } }'
      await gateway.ask(update, { i: { id: key.id, ...input } })
      await createConnection()
      return (await stream.next())?.data.errors?.[0]?.extensions.code
    }
    const denied = { rules: [{ effect: 'DENY', paths: ['/secret'] }] }
    expect(await change(denied)).toBe('POLICY_DENIED')
    expect(await change({ rules: null, scopes: ['CONNECTIONS_READ'] })).toBe('FORBIDDEN')
    expect(await change({ scopes: ['CALLS_READ'] })).toBe('FORBIDDEN')
    expect((await stream.next())?.event).toBe('complete')
  })

  test.each([
    ['without a key', null, 'UNAUTHENTICATED'],
    ['with a key that may not read connections', ['CALLS_READ'], 'FORBIDDEN'],
  ] as const)('is refused %s', async (_name, scopes, code) => {
    const key = scopes === null ? null : (await createKey([...scopes])).secret
    await using stream = await listen(gateway.url, { query: subscription }, key)
    const said = await stream.next()
    expect(said?.data.errors).toMatchObject([{ extensions: { code, origin: 'GATEWAY' } }])
    expect(gateway.app.services.eventFeed.size).toBe(0)
  })

  test('is refused for what is no event of the workspace', async () => {
    await using stream = await listen(gateway.url, { query: subscription, variables: { after: 'evt_nonsense' } })
    expect((await stream.next())?.data.errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }])
  })

  test('is over when its listener leaves in the middle', async () => {
    const streams = await Promise.all(Array.from({ length: 20 }, () => listen(gateway.url, { query: subscription })))
    expect(gateway.app.services.eventFeed.size).toBe(20)
    for (const stream of streams) await stream[Symbol.asyncDispose]()
    await expect.poll(() => gateway.app.services.eventFeed.size).toBe(0)
  })

  test('lasts without leaving anything behind for each event', async () => {
    const warnings: string[] = []
    const note = (warning: Error) => warnings.push(warning.name)
    process.on('warning', note)
    const query = 'subscription { connectionEvents { id connection { integration { slug } } } }'
    await using stream = await listen(gateway.url, { query })
    for (let round = 0; round < 15; round++) {
      await createConnection()
      expect((await stream.next())?.data.data.connectionEvents.connection).toEqual({ integration: { slug: 'acme' } })
    }
    process.off('warning', note)
    expect(warnings).toEqual([])
  })
})

test('a gateway that stops ends its streams instead of waiting for them', async () => {
  const gateway = await createGateway()
  await using stream = await listen(gateway.url, { query: subscription })
  const stopped = gateway[Symbol.asyncDispose]()
  expect((await stream.next())?.event).toBe('complete')
  expect(await stream.next()).toBeUndefined()
  await stopped
})
