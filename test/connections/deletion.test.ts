/** Deleting a connection: no use from that moment, the vendor is told, nothing secret is left, and each step is reported. */
import { describe, expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson } from '../support/upstream.ts'

const erase =
  'mutation($id: ID!) { deleteConnection(input: { id: $id }) { deletedConnectionId steps { step outcome message } } }'
const read = 'query($id: ID!) { passthrough(connectionId: $id, path: "/") { status } }'

async function open(entry: object, answer: { status: number } = { status: 200 }) {
  const vendor = await createUpstream((_request, response) => sendJson(response, {}, answer.status))
  const gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const auth = JSON.parse(
    JSON.stringify({ scheme: 'oauth2', tokenUrl: `${url}/token`, ...entry }).replaceAll('VENDOR', url),
  )
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: url, auth: [auth] })
  await gateway.ask(
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }',
    {
      i: { slug: 'acme', oauthClient: { clientId: 'client', clientSecret: 'canary-secret' } },
    },
  )
  const oauth2 = { accessToken: 'canary-access', refreshToken: 'canary-refresh' }
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential: { oauth2 } })
  return {
    vendor,
    gateway,
    id,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
    },
  }
}

const done = (step: string) => ({ step, outcome: 'DONE', message: null })
const formOf = ({ text }: Recorded) => Object.fromEntries(new URLSearchParams(text))

describe('deleteConnection', () => {
  test('revokes both tokens as RFC 7009 says, and a second time is the same answer without a second request', async () => {
    await using house = await open({ revocationUrl: 'VENDOR/revoke' })
    const { vendor, gateway, id } = house
    const answer = { deletedConnectionId: id, steps: [done('STOP'), done('REVOKE'), done('ERASE')] }
    expect((await gateway.ask(erase, { id })).deleteConnection).toEqual(answer)
    expect(vendor.seen.map(formOf)).toEqual([
      { token: 'canary-refresh', token_type_hint: 'refresh_token' },
      { token: 'canary-access', token_type_hint: 'access_token' },
    ])
    expect(vendor.seen[0]?.headers.authorization).toBe(`Basic ${btoa('client:canary-secret')}`)
    expect((await gateway.ask(erase, { id })).deleteConnection).toEqual(answer)
    expect(vendor.seen).toHaveLength(2)
    expect((await gateway.run(read, { id })).errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
  })

  test('makes the entry’s own request where it has one', async () => {
    const revoke = {
      method: 'DELETE',
      url: 'VENDOR/tokens/{refreshToken}',
      headers: { authorization: 'Basic {clientBasic}' },
      query: { by: '{clientId}' },
    }
    await using house = await open({ revoke })
    const { vendor, gateway, id } = house
    const { steps } = (await gateway.ask(erase, { id })).deleteConnection
    expect(steps[1]).toEqual(done('REVOKE'))
    expect(vendor.seen[0]).toMatchObject({ method: 'DELETE', url: '/tokens/canary-refresh?by=client', text: '' })
    expect(vendor.seen[0]?.headers.authorization).toBe(`Basic ${btoa('client:canary-secret')}`)
  })

  test('erases also what the vendor would not revoke, and says so', async () => {
    await using house = await open({ revocationUrl: 'VENDOR/revoke' }, { status: 503 })
    const { gateway, id } = house
    const { steps } = (await gateway.ask(erase, { id })).deleteConnection
    expect(steps[1]).toMatchObject({ step: 'REVOKE', outcome: 'FAILED', message: expect.stringContaining('503') })
    expect(steps[2]).toEqual(done('ERASE'))
    const rows = JSON.stringify(await gateway.database.db.execute('select * from connection_deletions'))
    expect(rows).toContain('"sealed_credential":null')
    expect(rows + gateway.log()).not.toContain('canary')
  })

  test('of an id that never was, or of another workspace, is CONNECTION_NOT_FOUND', async () => {
    await using house = await open({})
    const { gateway, id } = house
    const foreign = await gateway.createWorkspace()
    const codes = [
      await gateway.run(erase, { id: 'conn_00000000000000000000000000' }),
      await gateway.run(erase, { id }, foreign),
    ].map(({ errors }) => errors?.[0]?.extensions.code)
    expect(codes).toEqual(['CONNECTION_NOT_FOUND', 'CONNECTION_NOT_FOUND'])
    await gateway.ask(erase, { id })
    expect((await gateway.run(erase, { id }, foreign)).errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
  })

  test('that a process began and did not finish is finished by the upkeep', async () => {
    await using house = await open({ revocationUrl: 'VENDOR/revoke' })
    const { vendor, gateway, id } = house
    const { createConnectionStore } = await import('../../src/store/connections.ts')
    const workspaceId = gateway.app.workspace.id
    await createConnectionStore(gateway.database.db).remove(workspaceId, id, 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(await gateway.app.services.connections.finishDeletions(10)).toBe(1)
    expect(vendor.seen).toHaveLength(2)
    const { steps } = (await gateway.ask(erase, { id })).deleteConnection
    expect(steps).toEqual([done('STOP'), done('REVOKE'), done('ERASE')])
  })
})

test('tokens that come while the connection is deleted are revoked too', async () => {
  let answer: (() => void) | undefined
  const asked = Promise.withResolvers<void>()
  const gate = new Promise<void>(resolve => {
    answer = resolve
  })
  const revoked: (string | null)[] = []
  await using vendor = await createUpstream((request, response) => {
    const form = new URLSearchParams(request.text)
    if (request.url === '/revoke') {
      revoked.push(form.get('token'))
      return sendJson(response, {})
    }
    asked.resolve()
    void gate.then(() =>
      sendJson(response, { access_token: 'late-access', refresh_token: 'late-refresh', token_type: 'bearer' }),
    )
  })
  await using gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const auth = [{ scheme: 'oauth2', tokenUrl: `${url}/token`, revocationUrl: `${url}/revoke` }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: url, auth })
  await gateway.ask(
    'mutation { configureIntegration(input: {slug: "acme", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { slug } } }',
  )
  const oauth2 = { accessToken: 'first-access', refreshToken: 'first-refresh' }
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential: { oauth2 } })
  const refresh = gateway.run('mutation($id: ID!) { refreshConnection(input: {id: $id}) { connection { id } } }', {
    id,
  })
  await asked.promise
  await gateway.ask(erase, { id })
  answer?.()
  expect((await refresh).errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
  expect(revoked).toEqual(['first-refresh', 'first-access', 'late-refresh', 'late-access'])
})

test('a vendor’s entry that points to a mock takes a token without the address to revoke it at, and says so', async () => {
  await using mock = await createUpstream((_request, response) => sendJson(response, { user_id: 'u' }))
  await using gateway = await createGateway({ allow: [mock.host] })
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { configFields { name } } } }'
  const input = { slug: 'salesforce', baseUrl: mock.url, hosts: [mock.host] }
  const { configureIntegration } = await gateway.ask(configure, { input })
  expect(configureIntegration.integration.configFields).toEqual([])
  const credential = { oauth2: { accessToken: 'pasted' } }
  const id = await gateway.createConnection({ integration: 'salesforce', endUserId: 'ann', credential })
  const { passthrough } = await gateway.ask(
    'query($id: ID!) { passthrough(connectionId: $id, path: "/services/data") { status } }',
    { id },
  )
  expect(passthrough.status).toBe(200)
  const { steps } = (await gateway.ask(erase, { id })).deleteConnection
  expect(steps).toContainEqual({
    step: 'REVOKE',
    outcome: 'SKIPPED',
    message: 'The address to revoke tokens at needs config.instanceUrl, which the connection lacks.',
  })
})
