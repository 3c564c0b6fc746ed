/** The end of a process: SIGTERM lets what is under way finish, writes what was recorded, and ends with 0. */
import { expect, test } from 'vitest'
import { kinds } from '../store/fixtures.ts'
import { createTestPlace } from '../support/database.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'
import { envOf, startPassgate } from './process.ts'

const createIntegration =
  'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }'
const createConnection =
  'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
const call = 'query($path: String!) { passthrough(integration: "acme", endUserId: "ann", path: $path) { status } }'
const listCalls = '{ calls(filter: { integration: "acme" }) { edges { node { path status } } } }'

test.each(kinds)('SIGTERM right after a call loses no record of it (%s)', async kind => {
  const { promise: release, resolve: answerNow } = Promise.withResolvers<void>()
  const { promise: arrived, resolve: sayArrived } = Promise.withResolvers<void>()
  await using upstream = await createUpstream(async (request, response) => {
    if (request.url === '/slow') {
      sayArrived()
      await release
    }
    sendJson(response, {})
  })
  await using place = await createTestPlace(kind)
  const env = envOf(place, { PASSGATE_EGRESS_ALLOW: upstream.host })
  {
    await using passgate = startPassgate(env)
    const definition = {
      slug: 'acme',
      name: 'Acme',
      categories: [],
      baseUrl: upstream.url,
      auth: [{ scheme: 'bearer' }],
    }
    await passgate.ask(createIntegration, { input: { definition } })
    const credential = { bearer: { token: 'canary-token' } }
    await passgate.ask(createConnection, { input: { integration: 'acme', endUserId: 'ann', credential } })
    const slow = passgate.ask(call, { path: '/slow' })
    await arrived
    expect((await passgate.ask(call, { path: '/quick' })).data.passthrough.status).toBe(200)
    passgate.signal('SIGTERM')
    await expect.poll(() => passgate.stdout()).toContain('"stopping"')
    answerNow()
    expect((await slow).data.passthrough.status).toBe(200)
    expect(await passgate.ended()).toBe(0)
    expect(passgate.stderr()).toBe('')
    expect(passgate.stdout()).not.toContain('canary-token')
  }
  await using restarted = startPassgate(env)
  const { data } = await restarted.ask(listCalls)
  const paths = data.calls.edges.map(
    ({ node }: { node: { path: string; status: number } }) => `${node.path} ${node.status}`,
  )
  expect(paths.sort()).toEqual(['/quick 200', '/slow 200'])
})

test.each([
  ['SIGTERM', 'embedded'],
  ['SIGINT', 'postgres'],
] as const)('%s of an idle process ends it with 0 and frees its directory (%s)', async (signal, kind) => {
  await using place = await createTestPlace(kind)
  for (let start = 0; start < 2; start++) {
    await using passgate = startPassgate(envOf(place))
    await passgate.listening()
    passgate.signal(signal)
    expect(await passgate.ended()).toBe(0)
    expect(passgate.stderr()).toBe('')
  }
})
