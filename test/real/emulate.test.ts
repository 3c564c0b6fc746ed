/** The emulated GitHub, Slack, Stripe and Linear: which seeded user answers proves which credential arrived. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulators, startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery, writeMutation } from '../support/passthrough.ts'

const slackScopes = ['chat:write', 'channels:read', 'channels:history']
const linearScopes = ['read', 'write', 'issues:create']

/** To a token it does not know an emulator answers as its first user: nobody, in these tests. */
const seed = {
  tokens: {
    ghp_octocat: { login: 'octocat', scopes: ['repo', 'user'] },
    ghp_hubot: { login: 'hubot', scopes: ['repo', 'user'] },
  },
  github: {
    users: [{ login: 'nobody' }, { login: 'octocat' }, { login: 'hubot' }],
    repos: [{ owner: 'octocat', name: 'hello-world', auto_init: true }],
  },
  slack: {
    users: [{ name: 'nobody' }, { name: 'ada' }, { name: 'grace' }],
    channels: [{ name: 'general' }],
    tokens: [
      { token: 'xoxb-ada', user: 'ada', scopes: slackScopes },
      { token: 'xoxb-grace', user: 'grace', scopes: slackScopes },
    ],
  },
  stripe: {
    customers: [{ email: 'one@example.com', name: 'One' }],
    products: [{ name: 'Lamp' }, { name: 'Bulb' }],
    prices: [
      { product_name: 'Lamp', currency: 'eur', unit_amount: 2000 },
      { product_name: 'Bulb', currency: 'eur', unit_amount: 300 },
    ],
  },
  linear: {
    users: [
      { email: 'nobody@example.com', name: 'Nobody' },
      { email: 'ada@example.com', name: 'Ada' },
      { email: 'grace@example.com', name: 'Grace' },
    ],
    teams: [{ key: 'ENG', name: 'Engineering' }],
    tokens: [
      { token: 'lin_api_ada', user: 'ada@example.com', scopes: linearScopes },
      { token: 'lin_api_grace', user: 'grace@example.com', scopes: linearScopes },
    ],
  },
}

const stack = new AsyncDisposableStack()
let emulators: Emulators
let gateway: TestGateway

beforeAll(async () => {
  emulators = stack.use(await startEmulators(seed))
  const { github, slack, stripe, linear } = emulators
  gateway = stack.use(await createGateway({ allow: [github, slack, stripe, linear].map(({ host }) => host) }))
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
  const baseUrls = { github: github.url, slack: `${slack.url}/api`, stripe: stripe.url, linear: linear.url }
  for (const [slug, baseUrl] of Object.entries(baseUrls)) await gateway.ask(configure, { input: { slug, baseUrl } })
  await gateway.createIntegration({
    slug: 'github-open',
    name: 'GitHub without a credential',
    baseUrl: github.url,
    auth: [{ scheme: 'none' }],
  })
})

afterAll(async () => {
  await stack.disposeAsync()
})

/** Unverified, because some tests count what reaches the vendor. */
const connect = (integration: string, credential: object) =>
  gateway.createConnection({ integration, endUserId: 'user-1', credential, verify: false })
const connectBearer = (integration: string, token: string) => connect(integration, { bearer: { token } })

async function read(connectionId: string, path: string, query?: object) {
  return (await gateway.ask(readQuery, { connectionId, path, query })).passthrough
}

async function post(connectionId: string, path: string, body: unknown, options?: object) {
  const variables = { connectionId, method: 'POST', path, body, options }
  return (await gateway.ask(writeMutation, variables)).passthrough
}

const headerOf = (answer: { headers: { name: string; value: string }[] }, wanted: string) =>
  answer.headers.find(({ name }) => name.toLowerCase() === wanted)?.value

describe('GitHub', () => {
  test('answers as nobody to a token it does not know', async () => {
    const answer = await read(await connectBearer('github', 'ghp_stranger'), '/user')
    expect(answer).toMatchObject({ status: 200, body: { login: 'nobody' } })
  })

  test('answers as two users to two connections in one operation', async () => {
    const octocat = await connectBearer('github', 'ghp_octocat')
    const hubot = await connectBearer('github', 'ghp_hubot')
    const query = `query($octocat: ID!, $hubot: ID!) {
      octocat: passthrough(connectionId: $octocat, path: "/user") { status login: json(path: "$.login") }
      hubot: passthrough(connectionId: $hubot, path: "/user") { status login: json(path: "$.login") }
    }`
    expect(await gateway.ask(query, { octocat, hubot })).toEqual({
      octocat: { status: 200, login: ['octocat'] },
      hubot: { status: 200, login: ['hubot'] },
    })
  })

  test('refuses a request without a credential, and its 401 is the result', async () => {
    const answer = await read(await connect('github-open', { none: {} }), '/user')
    expect(answer).toMatchObject({ status: 401, ok: false, body: { message: 'Requires authentication' } })
  })

  test('creates an issue in the name of the connection’s user', async () => {
    const hubot = await connectBearer('github', 'ghp_hubot')
    const answer = await post(hubot, '/repos/octocat/hello-world/issues', { title: 'Found a bug', body: 'It crawls.' })
    expect(answer).toMatchObject({
      status: 201,
      ok: true,
      body: { title: 'Found a bug', body: 'It crawls.', user: { login: 'hubot' } },
    })
    const issue = await read(hubot, `/repos/octocat/hello-world/issues/${answer.body.number}`)
    expect(issue).toMatchObject({ status: 200, body: { title: 'Found a bug', user: { login: 'hubot' } } })
  })

  test('pages a list with a Link header that arrives as it was sent', async () => {
    const octocat = await connectBearer('github', 'ghp_octocat')
    const issues = '/repos/octocat/hello-world/issues'
    for (const title of ['First', 'Second', 'Third']) await post(octocat, issues, { title })
    const query = { per_page: 1, page: 2, state: 'all' }
    const answer = await read(octocat, issues, query)
    const direct = await fetch(`${emulators.github.url}${issues}?per_page=1&page=2&state=all`, {
      headers: { authorization: 'Bearer ghp_octocat' },
    })
    const link = direct.headers.get('link')
    expect(link).toContain('rel="next"')
    expect(headerOf(answer, 'link')).toBe(link)
    expect(answer.body).toEqual(await direct.json())
    expect(answer.body).toHaveLength(1)
  })
})

describe('Slack', () => {
  test('answers as two users to two connections in one operation', async () => {
    const ada = await connectBearer('slack', 'xoxb-ada')
    const grace = await connectBearer('slack', 'xoxb-grace')
    const mutation = `mutation($ada: ID!, $grace: ID!) {
      ada: passthrough(connectionId: $ada, method: POST, path: "/auth.test") { user: json(path: "$.user") }
      grace: passthrough(connectionId: $grace, method: POST, path: "/auth.test") { user: json(path: "$.user") }
    }`
    expect(await gateway.ask(mutation, { ada, grace })).toEqual({ ada: { user: ['ada'] }, grace: { user: ['grace'] } })
  })

  test('posts a message, from JSON and from a form', async () => {
    const ada = await connectBearer('slack', 'xoxb-ada')
    const me = (await post(ada, '/auth.test', undefined)).body.user_id
    const text = 'Ünïcode & <tags> = fine + well'
    for (const options of [undefined, { bodyFormat: 'FORM' }]) {
      const answer = await post(ada, '/chat.postMessage', { channel: 'general', text }, options)
      expect(answer).toMatchObject({ status: 200, body: { ok: true, message: { user: me, text } } })
    }
  })

  test('says no with 200, and that is the result', async () => {
    const ada = await connectBearer('slack', 'xoxb-ada')
    const answer = await post(ada, '/chat.postMessage', { channel: 'nowhere', text: 'x' })
    expect(answer).toMatchObject({ status: 200, ok: true, body: { ok: false, error: 'channel_not_found' } })
  })
})

describe('Stripe', () => {
  /** The emulator knows no accounts, but counts the requests of each credential apart. */
  async function remaining(authorization: string): Promise<number> {
    const response = await fetch(`${emulators.stripe.url}/v1/customers`, { headers: { authorization } })
    await response.body?.cancel()
    return Number(response.headers.get('x-ratelimit-remaining'))
  }

  const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`

  test('counts two connections in one operation as two keys, sent as the entry says', async () => {
    const before = { one: await remaining(basic('sk_test_one')), two: await remaining(basic('sk_test_two')) }
    const one = await connect('stripe', { apiKey: { key: 'sk_test_one' } })
    const two = await connect('stripe', { apiKey: { key: 'sk_test_two' } })
    const query = `query($one: ID!, $two: ID!) {
      one: passthrough(connectionId: $one, path: "/v1/customers") { status headers { name value } }
      two: passthrough(connectionId: $two, path: "/v1/customers") { status headers { name value } }
      again: passthrough(connectionId: $two, path: "/v1/customers?limit=1") { status }
    }`
    const answer = await gateway.ask(query, { one, two })
    expect([answer.one.status, answer.two.status, answer.again.status]).toEqual([200, 200, 200])
    expect(headerOf(answer.one, 'x-ratelimit-remaining')).toBe(String(before.one - 1))
    expect(await remaining(basic('sk_test_one'))).toBe(before.one - 2)
    expect(await remaining(basic('sk_test_two'))).toBe(before.two - 3)
  })

  test('is reached with the key as a bearer token too', async () => {
    const before = await remaining('Bearer sk_test_three')
    await read(await connectBearer('stripe', 'sk_test_three'), '/v1/customers')
    expect(await remaining('Bearer sk_test_three')).toBe(before - 2)
  })

  test('creates a customer from a form with nested brackets', async () => {
    const stripe = await connect('stripe', { apiKey: { key: 'sk_test_one' } })
    const body = { email: 'two@example.com', name: 'Two & Co', metadata: { plan: 'pro', note: 'a=b+c' } }
    const created = await post(stripe, '/v1/customers', body, { bodyFormat: 'FORM' })
    expect(created).toMatchObject({ status: 200, body: { object: 'customer', ...body } })
    const found = await read(stripe, `/v1/customers/${created.body.id}`)
    expect(found.body).toEqual(created.body)
  })

  test('reads a list of objects out of a form', async () => {
    const stripe = await connect('stripe', { apiKey: { key: 'sk_test_one' } })
    const prices: { id: string }[] = (await read(stripe, '/v1/prices')).body.data
    const [first, second] = prices.map(({ id }) => id)
    const checkout = (items: object[]) => {
      const body = { mode: 'payment', success_url: 'https://shop.example/?a=1&b=2', line_items: items }
      return post(stripe, '/v1/checkout/sessions', body, { bodyFormat: 'FORM', arrayFormat: 'INDICES' })
    }
    const session = await checkout([
      { price: first, quantity: 1 },
      { price: second, quantity: 4 },
    ])
    expect(session).toMatchObject({
      status: 200,
      body: { mode: 'payment', success_url: 'https://shop.example/?a=1&b=2' },
    })
    const page = await read(stripe, `/checkout/${session.body.id}`)
    expect(page).toMatchObject({ status: 200, body: null, contentType: expect.stringContaining('text/html') })
    expect(page.text).toContain('Lamp')
    expect(page.text).toContain('Bulb')
    const refused = await checkout([{ price: first, quantity: 1 }, { price: 'price_none' }])
    expect(refused).toMatchObject({ status: 400, ok: false, body: { error: { param: 'line_items[1][price]' } } })
  })

  test('reads a list in the query as the entry writes it', async () => {
    const stripe = await connect('stripe', { apiKey: { key: 'sk_test_one' } })
    const [price] = (await read(stripe, '/v1/prices')).body.data
    expect(price.product).toMatch(/^prod_/)
    const expanded = await read(stripe, `/v1/prices/${price.id}`, { expand: ['product'] })
    expect(expanded.body.product).toMatchObject({ id: price.product, object: 'product' })
  })
})

describe('Linear', () => {
  test.each([
    ['a personal key', (key: string) => ({ apiKey: { key } })],
    ['a bearer token', (token: string) => ({ bearer: { token } })],
  ])('answers as two users to two connections with %s in one operation', async (_, credential) => {
    const ada = await connect('linear', credential('lin_api_ada'))
    const grace = await connect('linear', credential('lin_api_grace'))
    const mutation = `mutation($ada: ID!, $grace: ID!, $body: JSON!) {
      ada: passthrough(connectionId: $ada, method: POST, path: "/graphql", body: $body) { body }
      grace: passthrough(connectionId: $grace, method: POST, path: "/graphql", body: $body) { body }
    }`
    expect(await gateway.ask(mutation, { ada, grace, body: { query: '{ viewer { name email } }' } })).toEqual({
      ada: { body: { data: { viewer: { name: 'Ada', email: 'ada@example.com' } } } },
      grace: { body: { data: { viewer: { name: 'Grace', email: 'grace@example.com' } } } },
    })
  })

  test('creates an issue in the name of the connection’s user', async () => {
    const grace = await connect('linear', { apiKey: { key: 'lin_api_grace' } })
    const teams = await post(grace, '/graphql', { query: '{ teams { nodes { id key } } }' })
    const teamId = teams.body.data.teams.nodes.find(({ key }: { key: string }) => key === 'ENG').id
    const query = `mutation($input: IssueCreateInput!) {
      issueCreate(input: $input) { success issue { title creator { name } } }
    }`
    const answer = await post(grace, '/graphql', { query, variables: { input: { teamId, title: 'Fix the door' } } })
    expect(answer.body).toEqual({
      data: { issueCreate: { success: true, issue: { title: 'Fix the door', creator: { name: 'Grace' } } } },
    })
  })

  test('refuses a query with its own GraphQL errors, and they are the result', async () => {
    const ada = await connect('linear', { apiKey: { key: 'lin_api_ada' } })
    const answer = await gateway.run(writeMutation, {
      connectionId: ada,
      method: 'POST',
      path: '/graphql',
      body: { query: '{ nothing }' },
    })
    expect(answer.errors).toBeUndefined()
    expect(answer.data.passthrough.body.errors[0].message).toBe('Cannot query field "nothing" on type "Query".')
  })
})
