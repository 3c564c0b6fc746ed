/** A limit that a vendor has for some paths apart holds up these alone, as Slack's methods and GitHub's search have them. */
import { expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { createUpstream } from '../support/upstream.ts'

async function ask(catalogSlug: string, basePath: string, spentPath: string) {
  const upstream = await createUpstream((request, response) => {
    const spent = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 60) }
    response.writeHead(200, request.url.startsWith(basePath + spentPath) ? spent : {})
    response.end('{}')
  })
  const gateway = await createGateway({ allow: [upstream.host] })
  const input = `{slug: "${catalogSlug}", baseUrl: "${upstream.url}${basePath}"}`
  await gateway.ask(`mutation { configureIntegration(input: ${input}) { integration { id } } }`)
  const id = await gateway.createConnection({
    integration: catalogSlug,
    endUserId: 'u',
    credential: { bearer: { token: 't' } },
  })
  return {
    async call(path: string): Promise<unknown> {
      const query = `{ passthrough(connectionId: "${id}", path: "${path}", options: {timeoutMs: 500}) { status } }`
      const { data, errors } = await gateway.run(query)
      return data?.passthrough?.status ?? errors?.[0]
    },
    // The first was made to verify the connection.
    seen: () => upstream.seen.slice(1).map(({ url }) => url),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

test('GitHub’s search', async () => {
  await using github = await ask('github', '', '/search')
  expect(await github.call('/search/issues?q=x')).toBe(200)
  expect(await github.call('/search/users?q=x')).toMatchObject({
    message: expect.stringContaining('The vendor’s limit for this connection and /search is spent'),
    extensions: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) },
  })
  expect(await github.call('/search/code?q=x')).toBe(200)
  expect(await github.call('/repos/o/r')).toBe(200)
  expect(github.seen()).toEqual(['/search/issues?q=x', '/search/code?q=x', '/repos/o/r'])
})

test('a method of Slack’s', async () => {
  await using slack = await ask('slack', '/api', '/conversations.list')
  expect(await slack.call('/conversations.list?limit=1')).toBe(200)
  expect(await slack.call('/conversations.list')).toMatchObject({ extensions: { code: 'RATE_LIMITED' } })
  expect(await slack.call('/conversations.info')).toBe(200)
  expect(slack.seen()).toEqual(['/api/conversations.list?limit=1', '/api/conversations.info'])
})
