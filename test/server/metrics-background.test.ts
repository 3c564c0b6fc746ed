/** `/metrics` counts what goes on without a caller, too: renewed tokens, lost connections, webhooks, records of calls. */
import { expect, test } from 'vitest'
import { createEvents } from '../../src/events.ts'
import { createLogger } from '../../src/log.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { createGateway } from '../support/gateway.ts'
import { createTokenVendor } from '../support/token-vendor.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const readFrom = async (url: string) => await (await fetch(new URL('metrics', url))).text()

test('renewals of tokens, and connections that need their end user again', async () => {
  await using vendor = await createTokenVendor()
  await using gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration(vendor.definition('vendor'))
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }',
    { input: { slug: 'vendor', oauthClient: { clientId: 'client-1', clientSecret: 's' } } },
  )
  const oauth2 = {
    accessToken: vendor.tokens.access,
    refreshToken: vendor.tokens.refresh,
    expiresAt: '2099-01-01T00:00:00Z',
  }
  const id = await gateway.createConnection({ integration: 'vendor', endUserId: 'u', credential: { oauth2 } })
  const refresh = () =>
    gateway.run('mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { id } } }', { id })
  expect((await refresh()).errors).toBeUndefined()
  vendor.behaviour.failWith = { status: 503, body: '{}' }
  expect((await refresh()).errors).toMatchObject([{ extensions: { code: 'REFRESH_FAILED' } }])
  vendor.behaviour.failWith = { status: 400, body: '{"error":"invalid_grant"}' }
  expect((await refresh()).errors).toMatchObject([{ extensions: { code: 'CONNECTION_NEEDS_REAUTH' } }])
  const text = await readFrom(gateway.url)
  expect(text).toMatch(/^passgate_token_refreshes_total\{outcome="ok"\} 1$/m)
  expect(text).toMatch(/^passgate_token_refreshes_total\{outcome="failed"\} 2$/m)
  expect(text).toMatch(/^passgate_connections_needing_reauth_total 1$/m)
})

test('attempts to deliver webhooks, by how they ended', async () => {
  let failures = 1
  await using listener = await createUpstream((_request, response) =>
    sendJson(response, {}, failures-- > 0 ? 500 : 200),
  )
  await using gateway = await createGateway({ allow: [listener.host] })
  const create = 'mutation($url: String!) { createWebhookEndpoint(input: { url: $url }) { secret } }'
  await gateway.ask(create, { url: `${listener.url}/hook` })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: listener.url, auth: [{ scheme: 'none' }] })
  for (const endUserId of ['a', 'b']) {
    await gateway.createConnection({ integration: 'v', endUserId, credential: { none: { ok: true } } })
  }
  await expect
    .poll(() => readFrom(gateway.url), { timeout: 20_000 })
    .toMatch(/^passgate_webhook_deliveries_total\{outcome="ok"\} 1$/m)
  expect(await readFrom(gateway.url)).toMatch(/^passgate_webhook_deliveries_total\{outcome="failed"\} 1$/m)
})

test('records of calls that were lost', async () => {
  const metrics = new Metrics()
  createEvents(createLogger({ level: 'silent' }), metrics).callsLost(7)
  expect((await metrics.read()).text).toMatch(/^passgate_call_records_lost_total 7$/m)
})
