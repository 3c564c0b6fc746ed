/** A server that wants its clients in the body is asked once per refresh, and no refresh token goes twice to one that took it. */
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'

const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status } } }'
const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { steps { step outcome } } }'
const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }'

let vendor: Upstream
let gateway: TestGateway
/** Where the vendor wants the client. */
let wanted: 'basic' | 'body' = 'body'
let grant: (form: URLSearchParams, response: ServerResponse) => void

const proofOf = ({ headers, text }: Recorded) =>
  'authorization' in headers ? 'basic' : text.includes('client_secret') ? 'body' : 'none'
/** How the client proved itself in each request since the last time that this was asked. */
let counted = 0
function proofs(): string[] {
  const seen = vendor.seen.slice(counted).map(proofOf)
  counted = vendor.seen.length
  return seen
}

beforeEach(async () => {
  wanted = 'body'
  counted = 0
  grant = (form, response) => {
    const spent = form.get('refresh_token')
    sendJson(response, { access_token: `after-${spent}`, refresh_token: `${spent}x`, expires_in: 3600 })
  }
  vendor = await createUpstream((request, response) => {
    if (proofOf(request) !== wanted) return sendJson(response, { error: 'invalid_client' }, 401)
    if (request.url === '/revoke') return sendJson(response, {})
    grant(new URLSearchParams(request.text), response)
  })
  gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const endpoints = { tokenUrl: `${url}/token`, revocationUrl: `${url}/revoke` }
  const auth = [
    { scheme: 'oauth2', ...endpoints },
    { scheme: 'clientCredentials', tokenUrl: endpoints.tokenUrl },
  ]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: url, auth })
  await gateway.ask(configure, { input: { slug: 'acme', oauthClient: { clientId: 'c', clientSecret: 's' } } })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

const connect = (endUserId: string, credential: object = { oauth2: { accessToken: 'a', refreshToken: endUserId } }) =>
  gateway.createConnection({ integration: 'acme', endUserId, credential })

test('what worked is tried first from then on, for every connection, and at the revocation', async () => {
  const [ann, bob] = [await connect('ann'), await connect('bob')]
  await gateway.ask(refresh, { id: ann })
  expect(proofs()).toEqual(['basic', 'body'])
  await gateway.ask(refresh, { id: ann })
  await gateway.ask(refresh, { id: bob })
  expect(proofs()).toEqual(['body', 'body'])
  expect((await gateway.ask(erase, { id: bob })).deleteConnection.steps).toContainEqual({
    step: 'REVOKE',
    outcome: 'DONE',
  })
  expect(proofs()).toEqual(['body', 'body'])
})

test('a vendor that changes its mind is followed', async () => {
  const id = await connect('ann')
  await gateway.ask(refresh, { id })
  wanted = 'basic'
  proofs()
  await gateway.ask(refresh, { id })
  expect(proofs()).toEqual(['body', 'basic'])
  await gateway.ask(refresh, { id })
  expect(proofs()).toEqual(['basic'])
})

test('a connection’s own client is remembered, too, and says nothing of another', async () => {
  const clientOf = (clientId: string) => ({ clientCredentials: { clientId, clientSecret: 's' } })
  const id = await connect('ann', clientOf('one'))
  expect(proofs()).toEqual(['basic', 'body'])
  await gateway.ask(refresh, { id })
  expect(proofs()).toEqual(['body'])
  wanted = 'basic'
  await connect('bob', clientOf('two'))
  expect(proofs()).toEqual(['basic'])
})

test.each([
  [500, {}],
  [400, { error: 'invalid_grant' }],
  [200, { ok: true }],
])('a refresh token that the server looked at is sent once, whatever it answers: %i %j', async (status, body) => {
  const id = await connect('ann')
  await gateway.ask(refresh, { id })
  proofs()
  grant = (_form, response) => sendJson(response, body, status)
  await gateway.run(refresh, { id })
  expect(proofs()).toEqual(['body'])
})
