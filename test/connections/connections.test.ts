/** The life of a connection: what is refused, what can be changed, and what stays when its credential cannot be opened. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toUuid } from '../../src/store/ids.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

const definition = () => ({
  slug: 'acme',
  name: 'Acme',
  baseUrl: `${upstream.url}/{region}`,
  config: {
    region: { title: 'Region', pattern: '[a-z]{2}[0-9]', example: 'eu1' },
    plan: { title: 'Plan', default: 'free' },
  },
  auth: [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }, { scheme: 'bearer' }],
})
const valid = { integration: 'acme', endUserId: 'u', config: { region: 'eu1' }, credential: { apiKey: { key: 'k' } } }
const createMutation =
  'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id status config metadata endUserId lastUsedAt } } }'
const create = (changes: object = {}) => gateway.run(createMutation, { input: { ...valid, ...changes } })
const read = (id: string) => gateway.run(`{ passthrough(connectionId: "${id}", path: "/x") { json(path: "$.url") } }`)

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration(definition())
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('createConnection', () => {
  test('keeps what it was given and shows all but the credential', async () => {
    const { data } = await create({ endUserId: 'first', metadata: { plan: 'pro', nested: { a: [1] } } })
    expect(data.createConnection.connection).toEqual({
      id: expect.stringMatching(/^conn_[0-9a-z]{26}$/),
      status: 'ACTIVE',
      config: { region: 'eu1', plan: 'free' },
      metadata: { plan: 'pro', nested: { a: [1] } },
      endUserId: 'first',
      lastUsedAt: null,
    })
  })

  test.each([
    ['an unknown integration', { integration: 'nope' }, 'INTEGRATION_NOT_FOUND', 'integration'],
    ['a slug that is none', { integration: 'NOPE/../' }, 'INTEGRATION_NOT_FOUND', 'integration'],
    ['no end user', { endUserId: '' }, 'INVALID_INPUT', 'endUserId'],
    ['an end user without end', { endUserId: 'x'.repeat(256) }, 'INVALID_INPUT', 'endUserId'],
    ['an end user with a control character', { endUserId: 'a\u0000b' }, 'INVALID_INPUT', 'endUserId'],
    ['a scheme it does not take', { credential: { basic: { username: 'u' } } }, 'INVALID_INPUT', 'credential'],
    ['an empty key', { credential: { apiKey: { key: '' } } }, 'INVALID_INPUT', 'credential.apiKey.key'],
    ['a missing config value', { config: {} }, 'INVALID_INPUT', 'config.region'],
    ['a config value that does not match', { config: { region: 'europe' } }, 'INVALID_INPUT', 'config.region'],
    ['an unknown config value', { config: { region: 'eu1', zone: 'a' } }, 'INVALID_INPUT', 'config.zone'],
    ['metadata without end', { metadata: { a: 'x'.repeat(20_000) } }, 'INVALID_INPUT', 'metadata'],
    ['metadata that cannot be stored', { metadata: { a: '\u0000' } }, 'INVALID_INPUT', 'metadata'],
    [
      'two credentials',
      { credential: { apiKey: { key: 'k' }, bearer: { token: 't' } } },
      'INVALID_INPUT',
      'credential',
    ],
  ])('refuses %s and stores nothing', async (_what, changes, code, field) => {
    const count = async () => JSON.stringify(await gateway.database.db.execute(sql`select count(*) from connections`))
    const before = await count()
    const answer = await create(changes)
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code, details: [expect.objectContaining({ field })] })
    expect(await count()).toBe(before)
  })
})

describe('a connection', () => {
  const createOne = async (changes: object = {}) =>
    (await create(changes)).data.createConnection.connection.id as string
  const change = (mutation: string, input: object) =>
    gateway.run(
      `mutation($input: ${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $input) { connection { id status config metadata } } }`,
      { input },
    )

  test('gets new config values and metadata, each on its own', async () => {
    const id = await createOne()
    await change('updateConnection', { id, config: { region: 'us2' } })
    expect((await read(id)).data.passthrough.json).toEqual(['/us2/x'])
    const { data } = await change('updateConnection', { id, metadata: { a: 1 } })
    expect(data.updateConnection.connection).toMatchObject({ config: { region: 'us2' }, metadata: { a: 1 } })
    const refused = await change('updateConnection', { id, config: { region: '../evil' } })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      details: [{ field: 'config.region' }],
    })
    expect((await read(id)).data.passthrough.json).toEqual(['/us2/x'])
  })

  test('is not used while it is disabled', async () => {
    const id = await createOne()
    expect((await change('disableConnection', { id })).data.disableConnection.connection.status).toBe('DISABLED')
    expect((await change('disableConnection', { id })).data.disableConnection.connection.status).toBe('DISABLED')
    const sent = upstream.seen.length
    expect((await read(id)).errors).toMatchObject([
      {
        message: `The connection ${id} is disabled; enable it with enableConnection.`,
        extensions: { code: 'CONNECTION_DISABLED' },
      },
    ])
    expect(upstream.seen).toHaveLength(sent)
    expect((await change('enableConnection', { id })).data.enableConnection.connection.status).toBe('ACTIVE')
    expect((await read(id)).data.passthrough.json).toEqual(['/eu1/x'])
  })

  test('that is disabled does not make the other one of its end user ambiguous', async () => {
    const [one, two] = [await createOne({ endUserId: 'pair' }), await createOne({ endUserId: 'pair' })]
    await change('disableConnection', { id: one })
    const { data } = await gateway.run(
      '{ passthrough(integration: "acme", endUserId: "pair", path: "/x") { connection { id } } }',
    )
    expect(data.passthrough.connection.id).toBe(two)
  })

  test('that is deleted is gone', async () => {
    const id = await createOne()
    const erase = () =>
      gateway.run(`mutation { deleteConnection(input: {id: "${id}"}) { deletedConnectionId steps { step outcome } } }`)
    const steps = [
      { step: 'STOP', outcome: 'DONE' },
      { step: 'REVOKE', outcome: 'SKIPPED' },
      { step: 'ERASE', outcome: 'DONE' },
    ]
    const answer = { deletedConnectionId: id, steps }
    expect((await erase()).data.deleteConnection).toEqual(answer)
    expect((await erase()).data.deleteConnection).toEqual(answer)
    expect((await read(id)).errors).toMatchObject([{ extensions: { code: 'CONNECTION_NOT_FOUND' } }])
    expect(
      JSON.stringify(
        await gateway.database.db.execute(sql`select count(*) as n from connections where id = ${uuidOf(id)}`),
      ),
    ).toContain('"0"')
  })

  test('knows when it was last used', async () => {
    const id = await createOne()
    await read(id)
    await gateway.app.flush()
    const { data } = await gateway.run(`{ connection(id: "${id}") { lastUsedAt createdAt } }`)
    expect(Date.parse(data.connection.lastUsedAt)).toBeGreaterThanOrEqual(Date.parse(data.connection.createdAt))
  })

  test('whose credential was moved from another row is still listed, and opens nothing', async () => {
    const [one, two] = [await createOne({ endUserId: 'moved' }), await createOne({ endUserId: 'moved' })]
    await gateway.database.db.execute(
      sql`update connections set sealed_credential = (select sealed_credential from connections where id = ${uuidOf(one)}) where id = ${uuidOf(two)}`,
    )
    const sent = upstream.seen.length
    expect((await read(two)).errors).toMatchObject([
      {
        message: 'The credential of this connection cannot be opened; connect the account again.',
        extensions: { code: 'CONNECTION_NEEDS_REAUTH' },
      },
    ])
    expect(upstream.seen).toHaveLength(sent)
    const { data } = await gateway.run(
      '{ connections(filter: {endUserId: "moved"}) { nodes { id status integration { slug } } } }',
    )
    expect(data.connections.nodes).toHaveLength(2)
  })

  test('whose sealed bytes were changed opens nothing', async () => {
    const id = await createOne()
    await gateway.database.db.execute(
      sql`update connections set sealed_credential = set_byte(sealed_credential, 90, (get_byte(sealed_credential, 90) + 1) % 256) where id = ${uuidOf(id)}`,
    )
    expect((await read(id)).errors).toMatchObject([{ extensions: { code: 'CONNECTION_NEEDS_REAUTH' } }])
  })
})

describe('connections', () => {
  test('are filtered, searched, ordered and paged', async () => {
    for (const name of ['Ann', 'ben', 'Ünal_1', 'ÜNAL%2'])
      await create({ endUserId: `list-${name}`, metadata: { team: name.length } })
    const list = async (args: string) => {
      const { data } = await gateway.run(
        `{ connections(${args}) { nodes { endUserId } pageInfo { hasNextPage endCursor } } }`,
      )
      return data.connections
    }
    const names = (page: { nodes: { endUserId: string }[] }) =>
      page.nodes.map(node => node.endUserId.replace('list-', ''))
    const byName = 'orderBy: {field: END_USER_ID, direction: ASC}'
    expect(names(await list(`filter: {search: "ünal"}, ${byName}`))).toEqual(['ÜNAL%2', 'Ünal_1'])
    expect(names(await list(`filter: {search: "l_1"}, ${byName}`))).toEqual(['Ünal_1'])
    expect(names(await list(`filter: {search: "list-", metadata: {team: 3}}, ${byName}`))).toEqual(['Ann', 'ben'])
    const first = await list(`first: 3, filter: {search: "list-"}, ${byName}`)
    expect([names(first), first.pageInfo.hasNextPage]).toEqual([['Ann', 'ben', 'ÜNAL%2'], true])
    const rest = await list(`after: "${first.pageInfo.endCursor}", filter: {search: "list-"}, ${byName}`)
    expect([names(rest), rest.pageInfo.hasNextPage]).toEqual([['Ünal_1'], false])
    expect(names(await list('first: 2, filter: {search: "list-"}'))).toEqual(['ÜNAL%2', 'Ünal_1'])
  })

  test.each([
    ['first: 0', 'first', 'first takes a number from 1 to 100; got 0.'],
    ['first: 101', 'first', 'first takes a number from 1 to 100; got 101.'],
    ['first: 1, last: 1', 'last', 'A list takes first or last; got both.'],
    ['after: "nonsense"', 'after', 'after takes a cursor of this list in this order; got another text.'],
  ])('refuse (%s)', async (args, field, message) => {
    const answer = await gateway.run(`{ connections(${args}) { nodes { id } } }`)
    expect(answer.errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } },
    ])
  })
})

function uuidOf(id: string) {
  return sql`${toUuid('conn', id)}::uuid`
}
