/** Whoever goes on guessing is slowed down and refused on every entrance, while a right key passes at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let connectionId: string
/** For the root listener: a key of one connection. */
let boundKey: string
let rootUrl: string
let downloadUrl: string

/** One request with a key that opens nothing, on one of the entrances. @returns the code of the refusal */
const entrances: Readonly<Record<string, (key: string) => Promise<{ status: number; code: string; retry: unknown }>>> =
  {
    async graphql(key) {
      const { status, errors } = await gateway.run('{ viewer { name } }', {}, key)
      return { status, code: String(errors?.[0]?.extensions.code), retry: errors?.[0]?.extensions.retryAfterMs }
    },
    raw: key => readProblem(`${gateway.url}passthrough/${connectionId}/x`, { authorization: `Bearer ${key}` }),
    'raw with two': key =>
      readProblem(`${gateway.url}passthrough/${connectionId}/x`, { authorization: `Bearer ${key}`, 'x-api-key': key }),
    root: key => readProblem(`${rootUrl}x`, { authorization: `Bearer ${key}` }),
    downloads: key => readProblem(`${gateway.url}downloads/${key}`, {}),
  }

async function readProblem(url: string, headers: Record<string, string>) {
  const response = await fetch(url, { headers })
  const { code, retryAfterMs } = await response.json()
  expect(response.headers.get('retry-after')).toBe(
    retryAfterMs === undefined ? null : String(Math.ceil(retryAfterMs / 1000)),
  )
  return { status: response.status, code, retry: retryAfterMs }
}

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host], env: { PASSGATE_ROOT_PORT: '0' } })
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  connectionId = await gateway.createConnection({
    integration: 'own',
    endUserId: 'u',
    credential: { bearer: { token: 't' } },
  })
  const bind = `mutation { createAccessKey(input: {name: "b", scopes: [PASSTHROUGH_READ], connectionId: "${connectionId}"}) { secret } }`
  boundKey = (await gateway.ask(bind)).createAccessKey.secret
  rootUrl = gateway.app.rootUrl?.href ?? ''
  const link = `{ passthrough(connectionId: "${connectionId}", path: "/file") { downloadUrl(expiresInSeconds: 60) } }`
  downloadUrl = (await gateway.ask(link)).passthrough.downloadUrl
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('guessing', () => {
  test('is counted on every entrance alike, and refused on all of them in the end', async () => {
    const { failedAttempts } = gateway.app.services
    for (let round = 0; round < 4; round++) {
      for (const attempt of Object.values(entrances)) {
        expect(await attempt(`pgk_wrong_${round}`)).toMatchObject({ code: 'UNAUTHENTICATED', retry: undefined })
      }
    }
    // Twenty so far, one for each request: the next would begin to wait, so the rest of a hundred fails beside them.
    const fail = () => failedAttempts.guard('127.0.0.1', () => gateway.app.services.callers.authenticate('wrong'))
    const rest = await Promise.allSettled(Array.from({ length: 80 }, fail))
    expect(rest.map(({ status, ...rest }) => [status, 'reason' in rest && rest.reason.code])).toEqual(
      Array.from({ length: 80 }, () => ['rejected', 'UNAUTHENTICATED']),
    )
    for (const [name, attempt] of Object.entries(entrances)) {
      const refused = await attempt('pgk_wrong')
      expect([name, refused]).toEqual([
        name,
        { status: name === 'graphql' ? 200 : 429, code: 'RATE_LIMITED', retry: expect.any(Number) },
      ])
      expect(refused.retry).toBeGreaterThan(0)
      expect(refused.retry).toBeLessThanOrEqual(60_000)
    }
  })

  test('keeps nobody out who has a key, a link or nothing to guess with', async () => {
    expect((await entrances.graphql?.('pgk_wrong'))?.code).toBe('RATE_LIMITED')
    expect((await gateway.ask('{ viewer { name } }', {}, adminKey)).viewer.name).toBe('admin')
    const raw = await fetch(`${gateway.url}passthrough/${connectionId}/x`, { headers: { 'x-api-key': adminKey } })
    const root = await fetch(`${rootUrl}x`, { headers: { authorization: `Bearer ${boundKey}` } })
    expect([raw.status, root.status, (await fetch(downloadUrl)).status]).toEqual([200, 200, 200])
    const both = { authorization: 'Bearer a-header-of-its-own', 'x-api-key': adminKey }
    expect((await fetch(`${gateway.url}passthrough/${connectionId}/x`, { headers: both })).status).toBe(200)
    const anonymous = await gateway.run('{ viewer { name } }', {}, null)
    expect(anonymous.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  })
})
