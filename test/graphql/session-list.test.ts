/** Sessions are listed while they last, and those of one end user end together, on every replica. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function createSession(input: object, key?: string): Promise<{ id: string; token: string }> {
  const mint = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { id token } }'
  return (await gateway.ask(mint, { i: input }, key)).createSession
}
const list = (args: string, key?: string) =>
  gateway.ask(`{ sessions(${args}) { nodes { id endUserId } pageInfo { hasNextPage endCursor } } }`, {}, key)
const revoke = (endUserId: string, key?: string) =>
  gateway.ask(
    'mutation($i: RevokeSessionsInput!) { revokeSessions(input: $i) { revokedCount } }',
    { i: { endUserId } },
    key,
  )

test('a session shows what it may do and what is spent, never its token', async () => {
  const rules = [{ effect: 'ALLOW', methods: ['GET'], paths: ['/contacts*'] }]
  const input = { endUserId: 'shown', integrations: ['github'], scopes: ['PASSTHROUGH_READ'], rules, maxCalls: 7 }
  const { id, token } = await createSession({ ...input, quota: { requests: 5, perSeconds: 1 }, maxConcurrency: 2 })
  const fields =
    'id endUserId scopes integrations connections rules { effect methods paths } quota { requests perSeconds } maxConcurrency maxCalls maxBytes spentCalls spentBytes expiresAt createdAt accessKeyId'
  const { node, sessions, accessKeys } = await gateway.ask(
    `query($id: ID!) { node(id: $id) { ... on Session { ${fields} } } sessions(filter: {endUserId: "shown"}) { nodes { ${fields} } } accessKeys(last: 1) { nodes { id } } }`,
    { id },
  )
  expect(node).toMatchObject({
    ...input,
    id,
    connections: null,
    quota: { requests: 5, perSeconds: 1 },
    maxConcurrency: 2,
    maxBytes: null,
    spentCalls: 0,
    spentBytes: 0,
    accessKeyId: accessKeys.nodes[0].id,
  })
  expect(Date.parse(node.expiresAt)).toBeGreaterThan(Date.parse(node.createdAt))
  expect(sessions.nodes).toEqual([node])
  expect(JSON.stringify(node)).not.toContain(token)
})

test('they are listed newest first, page by page, and those that are over are not', async () => {
  const made: string[] = []
  for (let at = 0; at < 3; at++) made.unshift((await createSession({ endUserId: 'paged' })).id)
  await createSession({ endUserId: 'another' })
  const over = await createSession({ endUserId: 'paged', expiresInSeconds: 1 })
  await expect
    .poll(async () => (await list('filter: {endUserId: "paged"}')).sessions.nodes.map(({ id }: { id: string }) => id), {
      timeout: 10_000,
    })
    .toEqual(made)
  expect((await gateway.ask(`{ node(id: "${over.id}") { id } }`)).node).toBeNull()
  const first = (await list('first: 2, filter: {endUserId: "paged"}')).sessions
  const rest = (await list(`first: 2, after: "${first.pageInfo.endCursor}", filter: {endUserId: "paged"}`)).sessions
  expect([first, rest].map(({ nodes }) => nodes.map(({ id }: { id: string }) => id))).toEqual([
    made.slice(0, 2),
    made.slice(2),
  ])
  expect(rest.pageInfo.hasNextPage).toBe(false)
})

test('all of an end user end at once, those of others and of another workspace stay', async () => {
  const stranger = await gateway.createWorkspace()
  const own = await Promise.all([createSession({ endUserId: 'left' }), createSession({ endUserId: 'left' })])
  const others = [await createSession({ endUserId: 'stays' }), await createSession({ endUserId: 'left' }, stranger)]
  const isOpen = async ({ token }: { token: string }) =>
    (await gateway.run('{ viewer { name } }', {}, token)).errors === undefined
  expect(await Promise.all([...own, ...others].map(isOpen))).toEqual([true, true, true, true])
  expect((await revoke('left')).revokeSessions).toEqual({ revokedCount: 2 })
  expect(await Promise.all([...own, ...others].map(isOpen))).toEqual([false, false, true, true])
  expect((await revoke('left')).revokeSessions).toEqual({ revokedCount: 0 })
  const { auditEvents } = await gateway.ask('{ auditEvents(first: 2) { nodes { action targetId details } } }')
  expect(auditEvents.nodes[1]).toEqual({
    action: 'sessions.revoked',
    targetId: 'left',
    details: { endUserId: 'left', revokedCount: 2 },
  })
  expect((await list('first: 50', stranger)).sessions.nodes).toHaveLength(1)
  const long = await gateway.run('mutation($i: RevokeSessionsInput!) { revokeSessions(input: $i) { revokedCount } }', {
    i: { endUserId: 'x'.repeat(20_000) },
  })
  expect(long.errors?.[0]?.extensions.code).toBe('INVALID_INPUT')
})
