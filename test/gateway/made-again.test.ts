/** What stands for a safe call and makes it again, a link or a replay, stays safe and goes by the rules of its day. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bypass, createBypass } from './bypass.ts'

let bypass: Bypass

beforeAll(async () => {
  bypass = await createBypass()
})
afterAll(() => bypass[Symbol.asyncDispose]())

const get = `mutation($id: ID!, $path: String!, $headers: JSONObject) {
  passthrough(connectionId: $id, method: GET, path: $path, headers: $headers) { callId downloadUrl(expiresInSeconds: 60) }
}`
const replay = 'mutation($id: ID!) { replayCall(input: {id: $id}) { status } }'

/** @returns what answers the link: its status and, of a refusal, its code */
async function follow(url: string): Promise<[status: number, code: string | undefined]> {
  const response = await fetch(url, { redirect: 'manual' })
  return [response.status, (await response.json()).code]
}

test('a call that asked for a write by an override is not made again', async () => {
  const { flat: id } = bypass.connections
  const asked = { id, path: '/x', headers: { 'x-http-method-override': 'DELETE' } }
  const { passthrough } = await bypass.gateway.ask(get, asked)
  await bypass.gateway.app.flush()
  const before = bypass.upstream.seen.length
  expect(await follow(passthrough.downloadUrl)).toEqual([400, 'INVALID_INPUT'])
  const { errors } = await bypass.gateway.run(replay, { id: passthrough.callId })
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('the header x-http-method-override asks for DELETE'),
    extensions: { code: 'INVALID_INPUT' },
  })
  expect(bypass.upstream.seen.length).toBe(before)
})

test('one without is, as long as rules let it and its redirects pass', async () => {
  const { based: id } = bypass.connections
  const path = `/to?${encodeURIComponent('/v2/admin')}`
  const { passthrough } = await bypass.gateway.ask(get, { id, path })
  await bypass.gateway.app.flush()
  expect(await follow(passthrough.downloadUrl)).toEqual([200, undefined])
  const { replayCall } = await bypass.gateway.ask(replay, { id: passthrough.callId })
  expect(replayCall.status).toBe(200)

  const rules = [{ effect: 'DENY', paths: ['/admin*'] }]
  const configure =
    'mutation($rules: [RuleInput!]!) { configureIntegration(input: {slug: "based", rules: $rules}) { integration { slug } } }'
  await bypass.gateway.ask(configure, { rules })
  const before = bypass.upstream.seen.length
  expect(await follow(passthrough.downloadUrl)).toEqual([403, 'POLICY_DENIED'])
  const { errors } = await bypass.gateway.run(replay, { id: passthrough.callId })
  expect(errors?.[0]?.extensions.code).toBe('POLICY_DENIED')
  // The first request of each is still allowed; the hop to the denied place is never sent.
  expect(bypass.upstream.seen.slice(before).map(({ url }) => url)).toEqual([`/v2${path}`, `/v2${path}`])
})
