/** A token that the vendor withdrew before its end: one renewal for all calls that meet its 401, and none of them fails. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adminKey, createGateway } from '../../support/gateway.ts'
import { createUpstream, sendJson } from '../../support/upstream.ts'
import { openVendorHouse, read, type VendorHouse } from './vendor-house.ts'

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

let house: VendorHouse
beforeEach(async () => {
  house = await openVendorHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

const callOnce = async (id: string) => (await house.gateway.ask(read, { id })).passthrough.status

test('fifty calls at once share one new token', async () => {
  const id = await house.connect('ann', inAnHour())
  house.vendor.expire()
  house.vendor.behaviour.delayMs = 300
  const statuses = await Promise.all(Array.from({ length: 50 }, () => callOnce(id)))
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(house.vendor.requests).toHaveLength(1)
})

test('twenty at once on the raw route, and the aliases of one operation, too', async () => {
  const id = await house.connect('ann', inAnHour())
  const { gateway, vendor } = house
  vendor.behaviour.delayMs = 300
  vendor.expire()
  const headers = { authorization: `Bearer ${adminKey}` }
  const url = new URL(`passthrough/${id}/me`, gateway.url)
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url, { headers })))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(vendor.requests).toHaveLength(1)
  vendor.expire()
  const fields = Array.from(
    { length: 10 },
    (_, n) => `a${n}: passthrough(connectionId: "${id}", path: "/me?n=${n}") { status }`,
  )
  const data: Record<string, { status: number }> = await gateway.ask(`{ ${fields.join(' ')} }`)
  expect(Object.values(data).map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect(vendor.requests).toHaveLength(2)
})

test('one that was renewed and worked is renewed again as soon as it is withdrawn again', async () => {
  const id = await house.connect('ann', inAnHour())
  for (const round of [1, 2, 3]) {
    house.vendor.expire()
    expect(await callOnce(id)).toBe(200)
    expect(house.vendor.requests).toHaveLength(round)
  }
})

test('a 401 is replaced however long its page is; one that has no end leads to a new token for the next call', async () => {
  let token = 'withdrawn'
  let page = 'x'
  let hasEnd = true
  await using vendor = await createUpstream((request, response) => {
    if (request.url === '/token') return sendJson(response, { access_token: token, expires_in: 3600 })
    if (request.headers.authorization === `Bearer ${token}`) return sendJson(response, { ok: true })
    response.writeHead(401, { 'content-type': 'text/html' })
    response.write(page)
    if (hasEnd) response.end()
  })
  await using gateway = await createGateway({ allow: [vendor.host] })
  const auth = [{ scheme: 'oauth2', tokenUrl: `${vendor.url}/token` }]
  await gateway.createIntegration({ slug: 'wordy', name: 'Wordy', baseUrl: vendor.url, auth })
  await gateway.ask(
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }',
    { i: { slug: 'wordy', oauthClient: { clientId: 'c', clientSecret: 's' } } },
  )
  const oauth2 = { accessToken: 'first', refreshToken: 'r' }
  const id = await gateway.createConnection({ integration: 'wordy', endUserId: 'ann', credential: { oauth2 } })
  for (const [round, length] of [1_000, 70_000, 900_000].entries()) {
    page = 'x'.repeat(length)
    token = `token-${round}`
    expect((await gateway.ask(read, { id })).passthrough).toEqual({ status: 200, attempts: 2 })
  }
  for (const [round, length] of [2_000_000, 10].entries()) {
    page = 'x'.repeat(length)
    hasEnd = length > 10
    token = `last-${round}`
    await gateway.run(
      'query($id: ID!) { passthrough(connectionId: $id, path: "/me", options: { timeoutMs: 4000 }) { status } }',
      { id },
    )
    await expect.poll(async () => (await gateway.ask(read, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
  }
})
