/** What was acknowledged is stored: a killed gateway comes back with every connection that it said it made. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { kinds } from '../store/fixtures.ts'
import { createTestPlace } from '../support/database.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'
import { envOf, type PassgateProcess, startPassgate } from './process.ts'

const createIntegration =
  'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }'
const createConnection =
  'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
const listConnections = `query($after: String) {
  connections(filter: { integration: "acme" }, first: 100, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } }
}`
const callWith = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { body } }'

test.each(kinds)('kill -9 in a stream of createConnection loses none (%s)', { timeout: 120_000 }, async kind => {
  await using upstream = await createUpstream((request, response) =>
    sendJson(response, { as: request.headers.authorization }),
  )
  await using place = await createTestPlace(kind)
  const env = envOf(place, { PASSGATE_EGRESS_ALLOW: upstream.host, LOG_LEVEL: 'warn' })
  const definition = { slug: 'acme', name: 'Acme', categories: [], baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] }
  const tokens = new Map<string, string>()
  {
    await using passgate = startPassgate(env)
    const { errors } = await passgate.ask(createIntegration, { input: { definition } })
    expect(errors).toBeUndefined()
    const killAt = 100 + Math.floor(Math.random() * 100)
    await Promise.all(Array.from({ length: 8 }, (_, stream) => createUntilKilled(passgate, stream, killAt, tokens)))
    expect(await passgate.ended()).toBe('SIGKILL')
  }
  expect(tokens.size).toBeGreaterThanOrEqual(100)
  await using restarted = startPassgate(env)
  const listed = await listAll(restarted)
  expect([...tokens.keys()].filter(id => !listed.has(id))).toEqual([])
  // One that was stored but not yet acknowledged works too, or is not there: nothing is half made.
  const ids = [...listed]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const { data } = await restarted.ask(callWith, { id })
        expect(data?.passthrough.body.as).toMatch(/^Bearer token-\d-\d+$/)
        if (tokens.has(id)) expect(data.passthrough.body.as).toBe(`Bearer ${tokens.get(id)}`)
      }
    }),
  )
  expect(restarted.stderr()).toBe('')
})

test.each(kinds)('kill -9 in the middle of first starts needs no repair (%s)', { timeout: 120_000 }, async kind => {
  await using place = await createTestPlace(kind, 'empty')
  const env = envOf(place)
  for (let kills = 0; kills < 6; kills++) {
    await using killed = startPassgate(env)
    // Any moment will do: loading, making the store, migrating, listening.
    await sleep(300 + Math.random() * 2_500)
    killed.signal('SIGKILL')
    await killed.ended()
    expect(killed.stderr()).toBe('')
  }
  await using passgate = startPassgate(env)
  expect((await passgate.ask('{ viewer { name } }')).data.viewer.name).toBe('admin')
  expect(passgate.stderr()).toBe('')
})

/** Makes connections one after the other; whichever stream sees the `killAt`th acknowledged kills the gateway. */
async function createUntilKilled(
  passgate: PassgateProcess,
  stream: number,
  killAt: number,
  tokens: Map<string, string>,
) {
  for (let index = 0; ; index++) {
    const token = `token-${stream}-${index}`
    const input = { integration: 'acme', endUserId: `user-${stream}-${index}`, credential: { bearer: { token } } }
    try {
      const { data } = await passgate.ask(createConnection, { input })
      tokens.set(data.createConnection.connection.id, token)
    } catch {
      return
    }
    if (tokens.size === killAt) setTimeout(() => passgate.signal('SIGKILL'), Math.random() * 10)
  }
}

async function listAll(passgate: PassgateProcess): Promise<Set<string>> {
  const ids = new Set<string>()
  let after: string | null = null
  do {
    const { data }: { data: { connections: ConnectionPage } } = await passgate.ask(listConnections, { after })
    for (const { node } of data.connections.edges) ids.add(node.id)
    const { hasNextPage, endCursor } = data.connections.pageInfo
    after = hasNextPage ? endCursor : null
  } while (after !== null)
  return ids
}

interface ConnectionPage {
  readonly edges: { readonly node: { readonly id: string } }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string }
}
